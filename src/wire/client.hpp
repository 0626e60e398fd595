// The AWS API from the client's side: signed calls to any endpoint, errors as AWS words them.
// Used by the command line, the provider and the training data mover.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"
#include "model/shape.hpp"
#include "text/json.hpp"

namespace wire {

struct ClientOptions {
    std::string endpoint;  // http://127.0.0.1:4566; empty: AWS's own endpoint of each service
    std::string region = "us-east-1";
    std::string access_key_id, secret_access_key, session_token;
    int timeout_seconds = 60;
    std::string socket = {};  // a Unix socket that the endpoint's host is behind; empty: none
    int attempts_max = 3;     // for connection errors, 500, 503 and throttling
};

// Environment first (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION,
// AWS_DEFAULT_REGION, TRAINWARDEN_SOCKET), then the default profile of ~/.aws/credentials and ~/.aws/config. Error `NoCredentials` says how to get
// some.
[[nodiscard]] base::Result<ClientOptions> options_from_environment();

struct S3Call {
    std::string method = "GET";
    std::string bucket;  // empty: the service itself (ListBuckets)
    std::string key;     // unencoded
    std::string query;   // encoded, e.g. `policy` or `list-type=2&prefix=a%2F`
    http::Headers headers;
    std::string body;
    std::string body_file;                                     // send this file instead
    std::function<base::Result<void>(std::string_view)> sink;  // gets the body of a 2xx answer
};

struct S3Answer {
    int status = 0;
    http::Headers headers;
    std::string body;
};

// Not for two threads at once.
class Client {
public:
    explicit Client(ClientOptions options);
    ~Client();
    Client(Client&&) noexcept;

    // A Query or JSON service by its model: `service` is the signing name (iam, sts, sagemaker, logs, trainwarden). Input and
    // output use the model's member names. Errors: AWS's code and message; a note names the request id.
    [[nodiscard]] base::Result<text::Json> call(const std::string& service, const std::string& operation,
                                                const text::Json& input);

    // The same with the model's types: `call<m::GetRole>({.role_name = "trainer"})`. An enum value that the model does not know is
    // `unknown`. Error `MalformedAnswer` for what is not an answer of the operation.
    template <class Operation>
    [[nodiscard]] base::Result<typename Operation::Output> call(const typename Operation::Input& input) {
        typename Operation::Output output{};
        TRY(exchange(Operation::operation, &input, &output));
        return output;
    }

    // S3, path style for every endpoint but AWS's. A non-2xx status is an Error with S3's code and message (a HEAD's is
    // `NoSuchKey`, `NoSuchBucket`, `AccessDenied` by its status: HEAD answers have no body).
    [[nodiscard]] base::Result<S3Answer> s3(const S3Call& call);

    [[nodiscard]] const ClientOptions& options() const;

private:
    [[nodiscard]] base::Result<void> exchange(const model::Operation& operation, const void* input, void* output);
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace wire
