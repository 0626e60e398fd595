// A disk on which a file finds no room after so many bytes: the write that crosses the limit is short, the next one fails.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

namespace machine {

class NoRoomAfter {
public:
    explicit NoRoomAfter(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit little{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &little);
    }
    NoRoomAfter(const NoRoomAfter&) = delete;
    NoRoomAfter& operator=(const NoRoomAfter&) = delete;
    ~NoRoomAfter() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, handler_);
    }

private:
    rlimit before_{};
    void (*handler_)(int);
};

}  // namespace machine
