#include "cli/slurm_session.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "base/clock.hpp"
#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"
#include "http/server.hpp"
#include "model/trainwarden/operations.hpp"
#include "os/descriptor.hpp"
#include "text/json.hpp"
#include "wire/client.hpp"
#include "wire/container_credentials.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;
using text::Json;

constexpr std::string_view path = "/v2/credentials";
// The SDKs ask again when less than 15 minutes of six hours are left; what is older than this is renewed first.
constexpr std::chrono::minutes renewal{15};

// The process that stays.
class Session {
public:
    Session(wire::Client client, SlurmJobHere job) : client_(std::move(client)), job_(std::move(job)) {}

    base::Result<void> open() {
        const base::Lock lock(mutex_);
        answer_ =
            TRY(client_.call<m::OpenSlurmSession>({.slurm_job_id = job_.id, .user_name = job_.user, .role_arn = job_.role_arn}));
        made_ = std::chrono::steady_clock::now();
        return {};
    }
    [[nodiscard]] std::string id() {
        const base::Lock lock(mutex_);
        return answer_.session_id;
    }

    [[nodiscard]] http::Response answer(const http::Request& request, const std::string& token) {
        if (request.head.path != path || request.head.method != "GET")
            return wire::container_refusal(404, "NotFound", "there is only GET /v2/credentials here");
        if (crypto::sha256(request.head.headers.get("authorization")) != crypto::sha256(token))
            return wire::container_refusal(403, "AccessDenied", "this is not the token of the job");
        base::Lock lock(mutex_);
        if (std::chrono::steady_clock::now() - made_ >= renewal) {
            auto renewed = client_.call<m::RenewSlurmSession>({.session_id = answer_.session_id});
            // What we have lasts for hours: a server that restarts is no reason to refuse a job. A session that is closed is.
            if (!renewed && renewed.error().code == base::code::NoSuchSession)
                return wire::container_refusal(403, "AccessDenied", renewed.error().message);
            if (renewed) {
                answer_ = std::move(*renewed);
                made_ = std::chrono::steady_clock::now();
            }
        }
        return wire::container_credentials({.role_arn = job_.role_arn,
                                            .access_key_id = answer_.access_key_id,
                                            .secret_access_key = answer_.secret_access_key,
                                            .session_token = answer_.session_token,
                                            .expiration = answer_.expiration});
    }

private:
    wire::Client client_;
    SlurmJobHere job_;
    base::Mutex mutex_;
    m::SlurmSessionResponse answer_ GUARDED_BY(mutex_);
    std::chrono::steady_clock::time_point made_ GUARDED_BY(mutex_);
};

struct flock whole_file() {
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

base::Result<os::Descriptor> take_lock(const std::string& file) {
    os::Descriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    auto whole = whole_file();
    if (!lock.is_open() || ::fcntl(lock.number(), F_SETLK, &whole) != 0)
        return base::fail(base::code::SlurmSessionFailed, "cannot lock `" + file + "`: " + std::strerror(errno));
    return lock;
}

void tell(int report, const Json& what) {
    const std::string line = what.dump();
    ssize_t ignored = ::write(report, line.data(), line.size());  // one line, below PIPE_BUF
    (void)ignored;                                                // Ignored: the reader is gone.
}

// Serves until it is killed. Says on `report` how it began, once.
[[noreturn]] void stay(const SlurmJobHere& job, const std::string& lock_file, int report) {
    ::setsid();  // Slurm kills the prolog's process group when it has ended.
    const auto serve = [&]() -> base::Result<void> {
        const os::Descriptor lock = TRY(take_lock(lock_file));
        Session session(wire::Client(TRY(wire::options_from_environment())), job);
        TRY(session.open());
        crypto::SystemRandom random;
        const std::string token = random.hex(48);
        auto server = TRY(http::Server::start({}, [&](http::Request& request) { return session.answer(request, token); }));
        tell(report, Json::object({{"Session", session.id()},
                                   {"Uri", "http://127.0.0.1:" + std::to_string(server->port()) + std::string(path)},
                                   {"Token", token},
                                   {"Process", static_cast<int64_t>(::getpid())}}));
        ::close(report);
        for (;;) ::pause();  // The epilog's SIGTERM ends the process, and the sessions with it on the server.
    };
    const auto failed = serve();
    tell(report, Json::object({{"Code", failed.error().code}, {"Message", failed.error().message}}));
    ::_exit(1);
}

}  // namespace

base::Result<SlurmSessionHere> leave_slurm_session(const SlurmJobHere& job, const std::string& lock_file) {
    int report[2] = {-1, -1};
    if (::pipe2(report, O_CLOEXEC) != 0)
        return base::fail(base::code::SlurmSessionFailed, std::string("cannot make a pipe: ") + std::strerror(errno));
    const pid_t child = ::fork();
    if (child < 0) return base::fail(base::code::SlurmSessionFailed, std::string("cannot fork: ") + std::strerror(errno));
    if (child == 0) {
        const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int standard = 0; standard < 3; ++standard) ::dup2(nowhere, standard);
        const int kept = ::fcntl(report[1], F_DUPFD_CLOEXEC, 3);
        ::dup2(kept, 3);  // Everything else that Slurm has open it waits for.
        ::syscall(SYS_close_range, 4U, ~0U, 0U);
        stay(job, lock_file, 3);
    }
    ::close(report[1]);
    const os::Descriptor said(report[0]);
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = ::read(said.number(), buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR);)
        if (got > 0) text.append(buffer, static_cast<size_t>(got));
    const auto told = text::parse_json(text);
    if (!told)
        return base::fail(base::code::SlurmSessionFailed,
                          "the process that should serve the job's credentials ended without a word");
    if (told->contains("Code")) return base::fail((*told)["Code"].as_string(), (*told)["Message"].as_string());
    return SlurmSessionHere{(*told)["Session"].as_string(), (*told)["Uri"].as_string(), (*told)["Token"].as_string(),
                            static_cast<int>((*told)["Process"].as_int())};
}

base::Result<void> end_slurm_session(const std::string& lock_file) {
    const os::Descriptor file(::open(lock_file.c_str(), O_RDWR | O_CLOEXEC));
    if (!file.is_open()) return {};  // no such session here
    // The holder of the lock is the process; a process id alone could have been reused by now.
    for (int tries = 0; tries < 200; ++tries) {
        auto whole = whole_file();
        if (::fcntl(file.number(), F_GETLK, &whole) != 0)
            return base::fail(base::code::SlurmSessionFailed,
                              "cannot ask for the lock of `" + lock_file + "`: " + std::strerror(errno));
        if (whole.l_type == F_UNLCK) return {};
        ::kill(whole.l_pid, tries < 100 ? SIGTERM : SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return base::fail(base::code::SlurmSessionFailed, "the process that serves the job's credentials does not end");
}

}  // namespace cli
