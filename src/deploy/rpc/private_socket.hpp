// A unix socket that only processes of this user reach: it lies in a folder of mode 0700, and another user that connects all the same is
// asked for its uid (SO_PEERCRED) before a byte of it is read. A loopback port would answer every user of the machine.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/result.hpp"

namespace deploy::rpc {

class PrivateSocket {
public:
    // `connected` gets each connection of this user, from the socket's own thread, and owns the (non-blocking) file.
    [[nodiscard]] static base::Result<std::unique_ptr<PrivateSocket>> open(std::function<void(int file)> connected);
    ~PrivateSocket();
    PrivateSocket(const PrivateSocket&) = delete;
    PrivateSocket& operator=(const PrivateSocket&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    PrivateSocket(std::filesystem::path path, int listening, int wake, std::function<void(int file)> connected);
    void serve();

    std::filesystem::path path_;
    int listening_, wake_;
    std::function<void(int file)> connected_;
    std::thread thread_;
};

}  // namespace deploy::rpc
