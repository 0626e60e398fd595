#include "sandbox/inside/remote.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandbox {
namespace {

constexpr uint32_t command_bytes_max = 1 << 20;
constexpr int connections_max = 64;
constexpr int patience_seconds = 120;  // until a sibling listens: it may be slow to start

// From /etc/hosts: a static program has no name services.
bool find_address(const char* name, in_addr& address) {
    FILE* file = fopen("/etc/hosts", "re");
    if (file == nullptr) return false;
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != nullptr) {
        char* rest = nullptr;
        char* number = strtok_r(line, " \t\n", &rest);
        if (number == nullptr || inet_pton(AF_INET, number, &address) != 1) continue;
        for (char* word = nullptr; (word = strtok_r(nullptr, " \t\n", &rest)) != nullptr;)
            found = found || strcmp(word, name) == 0;
    }
    fclose(file);
    return found;
}

int connect_to(const char* host) {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(remote_port);
    if (!find_address(host, place.sin_addr)) {
        fprintf(stderr, "there is no host %s\n", host);
        return -1;
    }
    for (int tries = 0; tries < patience_seconds * 20; ++tries) {
        int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connection >= 0 && connect(connection, reinterpret_cast<sockaddr*>(&place), sizeof place) == 0) return connection;
        if (connection >= 0) close(connection);
        usleep(50'000);
    }
    fprintf(stderr, "%s does not answer\n", host);
    return -1;
}

bool write_all(int to, const void* bytes, size_t size) {
    const char* at = static_cast<const char*>(bytes);
    while (size > 0) {
        ssize_t sent = send(to, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        at += sent;
        size -= static_cast<size_t>(sent);
    }
    return true;
}

bool read_all(int from, void* bytes, size_t size) {
    char* at = static_cast<char*>(bytes);
    while (size > 0) {
        ssize_t got = read(from, at, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= static_cast<size_t>(got);
    }
    return true;
}

struct ConnectionSlot {
    int connection = -1;
    pid_t process = 0;
};

pid_t start(const char* command, const sigset_t& signals) {
    pid_t process = fork();
    if (process != 0) return process;
    sigprocmask(SIG_SETMASK, &signals, nullptr);
    setpgid(0, 0);
    execl("/bin/sh", "sh", "-c", command, nullptr);
    _exit(127);
}

// True: all is done.
bool accept_request(int connection, ConnectionSlot* slots, const sigset_t& signals) {
    char what = 0;
    uint32_t size = 0;
    if (!read_all(connection, &what, 1)) what = 0;
    if (what == 'D') return true;
    char* command = nullptr;
    if (what == 'R' && read_all(connection, &size, sizeof size) && (size = ntohl(size)) <= command_bytes_max)
        command = static_cast<char*>(calloc(1, size + 1));
    bool good = command != nullptr && read_all(connection, command, size);
    for (int i = 0; good && i < connections_max; ++i) {
        if (slots[i].connection >= 0) continue;
        slots[i] = {connection, start(command, signals)};
        free(command);
        return false;
    }
    free(command);
    close(connection);
    return false;
}

void reap(ConnectionSlot* slots) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < connections_max; ++i) {
            if (slots[i].connection < 0 || slots[i].process != ended) continue;
            unsigned char code = static_cast<unsigned char>(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
            write_all(slots[i].connection, &code, 1);
            close(slots[i].connection);
            slots[i] = ConnectionSlot{};
        }
    }
}

}  // namespace

int serve_siblings() {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(remote_port);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, reinterpret_cast<sockaddr*>(&place), sizeof place) != 0 || listen(listener, 64) != 0) {
        fprintf(stderr, "cannot listen for siblings: %s\n", strerror(errno));
        return 1;
    }
    sigset_t before, child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    static ConnectionSlot slots[connections_max];
    for (;;) {
        pollfd watched[2 + connections_max] = {{listener, POLLIN, 0}, {signals, POLLIN, 0}};
        for (int i = 0; i < connections_max; ++i) watched[2 + i] = {slots[i].connection, POLLIN, 0};
        if (poll(watched, 2 + connections_max, -1) < 0) continue;
        if (watched[1].revents != 0) {
            signalfd_siginfo which;
            while (read(signals, &which, sizeof which) > 0) {
            }
        }
        // A sibling that closes its connection ends its process, which is reaped like any other.
        for (int i = 0; i < connections_max; ++i) {
            if (watched[2 + i].revents == 0 || slots[i].connection < 0) continue;
            kill(-slots[i].process, SIGTERM);
            close(slots[i].connection);
            slots[i] = ConnectionSlot{};
        }
        reap(slots);
        if (watched[0].revents == 0) continue;
        int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection >= 0 && accept_request(connection, slots, before)) return 0;
    }
}

int run_on_sibling(int count, char** words) {
    if (count < 2) return 127;
    size_t size = 1;
    for (int i = 1; i < count; ++i) size += strlen(words[i]) + 1;
    char* command = static_cast<char*>(calloc(1, size));
    if (command == nullptr) return 127;
    for (int i = 1; i < count; ++i) {
        if (i > 1) strcat(command, " ");
        strcat(command, words[i]);
    }
    int connection = connect_to(words[0]);
    if (connection < 0) return 255;  // as ssh says it
    uint32_t length = htonl(static_cast<uint32_t>(strlen(command)));
    unsigned char status = 255;
    if (!write_all(connection, "R", 1) || !write_all(connection, &length, sizeof length) ||
        !write_all(connection, command, strlen(command)) || !read_all(connection, &status, 1)) {
        return 255;
    }
    return status;
}

int lead_siblings(int count, char** words) {
    int hosts = 0;
    while (hosts < count && strcmp(words[hosts], "--") != 0) ++hosts;
    if (hosts + 1 >= count) return 127;
    pid_t process = fork();
    if (process == 0) {
        execvp(words[hosts + 1], words + hosts + 1);
        fprintf(stderr, "cannot run %s: %s\n", words[hosts + 1], strerror(errno));
        _exit(127);
    }
    if (process < 0) return 127;
    signal(SIGTERM, SIG_IGN);  // all were told; the command decides when the job ends
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code != 0) return code;  // the server ends the others
    for (int i = 0; i < hosts; ++i) {
        int connection = connect_to(words[i]);
        if (connection < 0 || !write_all(connection, "D", 1)) return 1;
        close(connection);
    }
    return 0;
}

}  // namespace sandbox
