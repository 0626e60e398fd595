#include "deploy/rpc/private_socket.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/error_codes.hpp"

namespace deploy::rpc {

namespace fs = std::filesystem;

namespace {

constexpr int backlog = 64;
constexpr const char* socket_name = "engine";

// A gRPC client takes `unix:PATH` for a URI, and a socket's address is short.
bool fits_into_an_address(const std::string& path) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("/._-").contains(c);
    };
    return path.starts_with('/') && path.size() < sizeof(sockaddr_un::sun_path) && std::ranges::all_of(path, plain);
}

base::Result<fs::path> make_private_folder() {
    constexpr const char* form = "trainwarden-up-XXXXXX";
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / form).string();
    if (error || !fits_into_an_address(name + "/" + socket_name)) name = std::string("/tmp/") + form;
    if (::mkdtemp(name.data()) == nullptr)
        return base::fail(base::Error(base::code::FileError, "cannot make the folder " + name + ": " + std::strerror(errno))
                              .note("the program and its engine meet in it; TMPDIR names another place"));
    return fs::path(name);
}

bool is_this_user(int file) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(file, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

}  // namespace

base::Result<std::unique_ptr<PrivateSocket>> PrivateSocket::open(std::function<void(int file)> connected) {
    const fs::path folder = TRY(make_private_folder());
    const fs::path path = folder / socket_name;
    const int wake = ::eventfd(0, EFD_CLOEXEC);
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (wake < 0 || listening < 0 || ::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listening, backlog) != 0) {
        const int error = errno;
        ::close(listening);
        ::close(wake);
        ::unlink(path.c_str());
        ::rmdir(folder.c_str());
        return base::fail(base::code::NoSocket,
                          "cannot listen on " + path.string() + " for the program: " + std::strerror(error));
    }
    return std::unique_ptr<PrivateSocket>(new PrivateSocket(path, listening, wake, std::move(connected)));
}

PrivateSocket::PrivateSocket(fs::path path, int listening, int wake, std::function<void(int file)> connected)
    : path_(std::move(path)), listening_(listening), wake_(wake), connected_(std::move(connected)), thread_([this] {
          serve();
      }) {}

PrivateSocket::~PrivateSocket() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t woken = ::write(wake_, &one, sizeof one);
    thread_.join();
    ::close(listening_);
    ::close(wake_);
    ::unlink(path_.c_str());
    ::rmdir(path_.parent_path().c_str());
}

void PrivateSocket::serve() {
    std::array<pollfd, 2> files = {pollfd{listening_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
    while (true) {
        if (::poll(files.data(), files.size(), -1) < 0 && errno != EINTR) return;
        if (files[1].revents != 0) return;
        const int file = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (file < 0) {
            // Out of files: the connection stays in the queue, so poll would come back at once.
            if (errno == EMFILE || errno == ENFILE) ::poll(&files[1], 1, 100);
            continue;
        }
        if (is_this_user(file))
            connected_(file);
        else
            ::close(file);
    }
}

}  // namespace deploy::rpc
