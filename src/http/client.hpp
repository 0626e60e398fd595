// HTTP client (libcurl) for the command line, the provider and the training data mover.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"

namespace http {

struct ClientRequest {
    std::string method = "GET";
    std::string url;
    Headers headers;
    std::string body;                                          // used if body_file is empty
    std::string body_file;                                     // path of a file to send (PUT)
    std::function<base::Result<void>(std::string_view)> sink;  // gets the body of a 2xx answer instead of ClientResponse::body
    int timeout_seconds = 60;
    // Asked while the answer is waited for, at least once a second: true ends the request with an error. Absent: nobody gives up.
    std::function<bool()> given_up = {};
    std::string socket = {};  // a Unix socket that the URL's host is behind; empty: none
};

struct ClientResponse {
    int status = 0;
    Headers headers;
    std::string body;
};

// One Client a thread; keeps connections alive. Trusts the certificates of the system's authorities, or of those in the file that AWS_CA_BUNDLE
// names. Error `ConnectionError` names the URL's host and what to check.
class Client {
public:
    Client();
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    [[nodiscard]] base::Result<ClientResponse> send(const ClientRequest& request);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace http
