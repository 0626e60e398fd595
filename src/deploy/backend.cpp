#include "deploy/backend.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "deploy/state.hpp"
#include "os/file.hpp"
#include "text/time.hpp"

namespace deploy {

using text::Json;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view organization = "organization";
constexpr std::string_view our_lock = "trainwarden.json";

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("localhost");
}

std::string user_name() {
    const passwd* user = ::getpwuid(::getuid());
    return user == nullptr ? std::to_string(::getuid()) : std::string(user->pw_name);
}

fs::path home() {
    const char* folder = std::getenv("HOME");
    return folder == nullptr ? fs::path("/") : fs::path(folder);
}

bool is_alive(int64_t pid) { return pid > 0 && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM); }

std::string describe_lock(const Json& lock) {
    return "process " + lock["pid"].as_string() + " of " + lock["username"].as_string() + " on " + lock["hostname"].as_string() +
           " since " + lock["timestamp"].as_string();
}

Json read_lock(const fs::path& path) {
    const auto content = os::read_file(path);
    if (!content) return {};
    auto json = text::parse_json(*content);
    return json ? std::move(*json) : Json();
}

}  // namespace

base::Result<Backend> Backend::open(const std::string& project_url, const fs::path& project_root) {
    const char* environment = std::getenv("PULUMI_BACKEND_URL");
    std::string url = environment != nullptr && *environment != '\0' ? environment : project_url;
    fs::path folder = project_root;
    if (!url.empty()) {
        if (url.starts_with("file://")) {
            url.erase(0, 7);
        } else if (url.contains("://")) {
            return base::fail(base::Error(base::code::NotSupported, "stacks cannot be kept in " + url)
                                  .note("set PULUMI_BACKEND_URL to file://FOLDER"));
        }
        if (url == "~" || url.starts_with("~/"))
            folder = home() / fs::path(url.substr(std::min<size_t>(2, url.size())));
        else
            folder = project_root / fs::path(url.empty() ? "." : url);  // an absolute path replaces the root
    }
    return Backend((folder / ".pulumi").lexically_normal());
}

fs::path Backend::checkpoint_path(const std::string& project, const std::string& stack) const {
    return folder_ / "stacks" / project / (stack + ".json");
}

std::vector<std::string> Backend::stacks(const std::string& project) const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_ / "stacks" / project, error))
        if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
    std::ranges::sort(names);
    return names;
}

bool Backend::has(const std::string& project, const std::string& stack) const {
    return fs::exists(checkpoint_path(project, stack));
}

base::Result<Json> Backend::load(const std::string& project, const std::string& stack) const {
    const fs::path path = checkpoint_path(project, stack);
    if (!fs::exists(path)) {
        for (const char* packed : {".gz", ".zst"}) {
            if (fs::exists(path.string() + packed))
                return base::fail(base::code::NotSupported,
                                  "compressed state files are not supported: " + path.string() + packed);
        }
        const std::vector<std::string> others = stacks(project);
        return base::fail(base::Error(base::code::NoSuchStack, "there is no stack `" + stack + "` of project `" + project + "`")
                              .note((others.empty() ? "there is none so far" : "there are: " + base::join(others, ", ")) +
                                    "; `trainwarden up --stack " + stack + "` makes it"));
    }
    const std::string content = TRY(os::read_file(path));
    auto json = text::parse_json(content);
    if (!json) return base::fail(base::code::InvalidState, path.string() + ": " + json.error().message);
    TRY(check_format(*json, path.string()));
    return (*json)["checkpoint"]["latest"];
}

base::Result<void> Backend::save(const std::string& project, const std::string& stack, const Json& deployment) const {
    const fs::path path = checkpoint_path(project, stack);
    TRY(os::make_folders(path.parent_path()));
    if (!fs::exists(folder_ / "meta.yaml")) TRY(os::replace_file(folder_ / "meta.yaml", "version: 1\n", 0644));
    Json checkpoint = Json::object();
    checkpoint.set("stack", Json(std::string(organization) + "/" + project + "/" + stack));
    checkpoint.set("latest", deployment);
    Json document = Json::object();
    set_format(document, deployment);
    document.set("checkpoint", std::move(checkpoint));
    return os::replace_file(path, document.pretty() + "\n");
}

base::Result<void> Backend::back_up(const std::string& project, const std::string& stack) const {
    const fs::path path = checkpoint_path(project, stack);
    if (!fs::exists(path)) return {};
    const std::string content = TRY(os::read_file(path));
    return os::replace_file(path.string() + ".bak", content);
}

base::Result<void> Backend::add_history(const std::string& project, const std::string& stack, const Json& entry,
                                        base::Time now) const {
    const fs::path folder = folder_ / "history" / project / stack;
    TRY(os::make_folders(folder));
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
    const std::string stem = stack + "-" + std::to_string(nanoseconds);
    const std::string checkpoint = TRY(os::read_file(checkpoint_path(project, stack)));
    TRY(os::replace_file(folder / (stem + ".checkpoint.json"), checkpoint));
    return os::replace_file(folder / (stem + ".history.json"), entry.pretty() + "\n");
}

base::Result<void> Backend::remove(const std::string& project, const std::string& stack) const {
    std::error_code error;
    const fs::path path = checkpoint_path(project, stack);
    fs::remove(path.string() + ".bak", error);
    fs::remove_all(folder_ / "history" / project / stack, error);
    if (!fs::remove(path, error) || error)
        return base::fail(base::code::FileError, "cannot remove " + path.string() + ": " + error.message());
    return {};
}

base::Result<std::unique_ptr<StackLock>> Backend::lock(const std::string& project, const std::string& stack,
                                                       base::Time now) const {
    const fs::path folder = folder_ / "locks" / organization / project / stack;
    TRY(os::make_folders(folder));
    const fs::path path = folder / our_lock;
    const auto locked = [&](const fs::path& by) {
        return base::fail(
            base::Error(base::code::StackLocked, "the stack `" + stack + "` is being changed by " + describe_lock(read_lock(by)))
                .note("wait for it to end; if that process is gone for good, remove " + by.string()));
    };
    os::Descriptor opened;
    while (true) {
        opened = TRY(os::open_file(path, O_RDWR | O_CREAT, 0600, "lock"));
        if (::flock(opened.number(), LOCK_EX | LOCK_NB) != 0) return locked(path);
        // The last owner may have removed the file between our open and our flock; then this lock is on nothing.
        struct stat held{}, named{};
        if (::fstat(opened.number(), &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino) break;
    }
    const int file = opened.number();
    std::unique_ptr<StackLock> lock(new StackLock(path, std::move(opened)));
    Json content = Json::object();
    content.set("pid", Json(static_cast<int64_t>(::getpid())));
    content.set("username", Json(user_name()));
    content.set("hostname", Json(host_name()));
    content.set("timestamp", Json(text::iso8601_millis(now)));
    const std::string bytes = content.dump();
    if (::ftruncate(file, 0) != 0 || ::pwrite(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        return base::fail(base::code::FileError, "cannot write " + path.string() + ": " + std::strerror(errno));
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        if (entry.path().filename() == our_lock || entry.path().extension() != ".json") continue;
        const Json other = read_lock(entry.path());
        if (other["hostname"].as_string() != host_name() || is_alive(other["pid"].as_int())) return locked(entry.path());
    }
    return lock;
}

StackLock::~StackLock() {
    ::unlink(path_.c_str());  // while it is still locked: the next holder of the lock checks that the file is still there
}

}  // namespace deploy
