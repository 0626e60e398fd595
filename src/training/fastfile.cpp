// libfuse's low-level interface: inodes are places in a vector made once, so nothing is looked up by path and nothing is
// forgotten.
#define FUSE_USE_VERSION 314
#include "training/fastfile.hpp"

#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "os/process.hpp"

namespace training {
namespace {

constexpr size_t server_threads = 4;
constexpr uint64_t first_window_bytes = 256ULL << 10;
constexpr uint64_t window_bytes_max = 8ULL << 20;
constexpr uint64_t nearby_bytes = 1ULL << 20;    // the kernel's readahead asks out of order
constexpr uint64_t read_bytes_max = 1ULL << 20;  // of one answer
constexpr double for_ever = 1e9;                 // names and sizes do not change while mounted

struct Node {
    std::map<std::string, size_t> children;  // of a folder: place in `nodes`
    const ChannelObject* object = nullptr;   // of a file
};

// An open file: the stretch that was fetched last.
struct OpenFile final : InputMemory::Holder {
    const ChannelObject* object = nullptr;
    base::Mutex mutex;
    std::string window GUARDED_BY(mutex);
    uint64_t start GUARDED_BY(mutex) = 0;        // where the window begins, or the one that was given up
    uint64_t end GUARDED_BY(mutex) = 0;          // where it ends
    uint64_t next_window GUARDED_BY(mutex) = 0;  // how much to fetch when the reader goes on in order

    uint64_t give_up() override {
        if (!mutex.try_lock()) return 0;
        const base::Lock lock(mutex, std::adopt_lock);
        return std::exchange(window, {}).size();
    }
};

int errno_of(const base::Error& error) {
    if (error.code == base::code::AccessDenied) return EACCES;
    if (error.code == base::code::NoSuchKey || error.code == base::code::NoSuchBucket) return ENOENT;
    return EIO;
}

}  // namespace

class FastFileNames {
public:
    std::vector<ChannelObject> objects;
    std::vector<Node> nodes;
    [[nodiscard]] base::Result<void> add_all();
};

struct FastFileMount::State {
    JobData& data;
    RoleSession& session;
    std::shared_ptr<const FastFileNames> names;
    const std::vector<Node>& nodes;
    InputMemory& memory;
    std::atomic<uint64_t>* bytes_read;
    // Handles that the kernel has: what it does not release before the end is released then.
    base::Mutex handles_mutex;
    std::unordered_set<std::shared_ptr<OpenFile>*> handles GUARDED_BY(handles_mutex);
    timespec mounted_at{};
    fuse_session* fuse = nullptr;
    bool mounted = false;
    int wake = -1;
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;

    State(JobData& data_in, RoleSession& session_in, std::shared_ptr<const FastFileNames> names_in, InputMemory& memory_in,
          std::atomic<uint64_t>* bytes_read_in)
        : data(data_in),
          session(session_in),
          names(std::move(names_in)),
          nodes(names->nodes),
          memory(memory_in),
          bytes_read(bytes_read_in) {}
    ~State();
    void serve();
    [[nodiscard]] struct stat attributes(size_t place) const;
    // The bytes at `offset`, in the file's window: a reader holds its mutex while it uses them. An errno if they
    // cannot be had.
    [[nodiscard]] int read(OpenFile& file, uint64_t offset, uint64_t size, std::string_view& out) REQUIRES(file.mutex);
    [[nodiscard]] int fetch(OpenFile& file, uint64_t offset, uint64_t size) REQUIRES(file.mutex);
    void drop(OpenFile& file) REQUIRES(file.mutex);
    void release(std::shared_ptr<OpenFile>* held);
};

namespace {

FastFileMount::State& state_of(fuse_req_t request) { return *static_cast<FastFileMount::State*>(fuse_req_userdata(request)); }

// FUSE's root is inode 1, our place 0.
size_t place_of(fuse_ino_t inode) { return inode - 1; }

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    auto& state = state_of(request);
    const auto& children = state.nodes[place_of(parent)].children;
    const auto found = children.find(name);
    if (found == children.end()) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    fuse_entry_param entry{};
    entry.ino = found->second + 1;
    entry.attr = state.attributes(found->second);
    entry.attr_timeout = entry.entry_timeout = for_ever;
    fuse_reply_entry(request, &entry);
}

void on_getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    struct stat attributes = state_of(request).attributes(place_of(inode));
    fuse_reply_attr(request, &attributes, for_ever);
}

void on_readdir(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
    auto& state = state_of(request);
    const auto& children = state.nodes[place_of(inode)].children;
    std::string out(size, '\0');
    size_t used = 0;
    off_t number = 0;
    auto add = [&](const char* name, size_t place) {
        if (++number <= offset) return true;
        struct stat attributes = state.attributes(place);
        size_t needed = fuse_add_direntry(request, out.data() + used, size - used, name, &attributes, number);
        if (needed > size - used) return false;
        used += needed;
        return true;
    };
    bool room = add(".", place_of(inode)) && add("..", 0);
    auto child = children.begin();
    if (room && offset > 2) {
        auto skip = std::min<off_t>(offset - 2, static_cast<off_t>(children.size()));
        std::advance(child, skip);
        number += skip;
    }
    for (; room && child != children.end(); ++child) room = add(child->first.c_str(), child->second);
    fuse_reply_buf(request, out.data(), used);
}

void on_open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* info) {
    const Node& node = state_of(request).nodes[place_of(inode)];
    if (node.object == nullptr || (info->flags & O_ACCMODE) != O_RDONLY) {
        fuse_reply_err(request, node.object == nullptr ? EISDIR : EROFS);
        return;
    }
    if (!state_of(request).memory.open_file()) {
        fuse_reply_err(request, ENFILE);
        return;
    }
    // Held by the handle and by each read: the release may come before a read's thread has let go of it.
    auto* held = new std::shared_ptr<OpenFile>(std::make_shared<OpenFile>());
    (*held)->object = node.object;
    info->fh = reinterpret_cast<uint64_t>(held);
    info->keep_cache = 1;
    auto& state = state_of(request);
    {
        const base::Lock lock(state.handles_mutex);
        state.handles.insert(held);
    }
    if (fuse_reply_open(request, info) != 0) state.release(held);  // the opener was interrupted and will not release it
}

void on_release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    auto* held = reinterpret_cast<std::shared_ptr<OpenFile>*>(info->fh);
    state_of(request).release(held);
    fuse_reply_err(request, 0);
}

void on_read(fuse_req_t request, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
    const auto file = *reinterpret_cast<const std::shared_ptr<OpenFile>*>(info->fh);
    auto& state = state_of(request);
    {
        base::Lock lock(file->mutex);
        std::string_view out;
        int error = state.read(*file, static_cast<uint64_t>(offset), size, out);
        if (!file->window.empty()) state.memory.hold(file);
        if (error != 0) {
            fuse_reply_err(request, error);
        } else {
            fuse_reply_buf(request, out.data(), out.size());
        }
    }
    state.memory.let_go();
}

void on_init(void*, fuse_conn_info* connection) {
    connection->max_readahead = static_cast<unsigned>(nearby_bytes);
    connection->max_read = static_cast<unsigned>(read_bytes_max);
    connection->want |= connection->capable & FUSE_CAP_ASYNC_READ;
}

const fuse_lowlevel_ops operations = [] {
    fuse_lowlevel_ops all{};
    all.init = on_init;
    all.lookup = on_lookup;
    all.getattr = on_getattr;
    all.readdir = on_readdir;
    all.open = on_open;
    all.read = on_read;
    all.release = on_release;
    return all;
}();

void to_our_log(fuse_log_level level, const char* format, va_list arguments) {
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    if (level <= FUSE_LOG_WARNING) base::log_warn("fuse: " + std::string(base::trim(line)));
}

}  // namespace

struct stat FastFileMount::State::attributes(size_t place) const {
    struct stat out{};
    const Node& node = nodes[place];
    out.st_ino = place + 1;
    out.st_mode = node.object == nullptr ? S_IFDIR | 0555 : S_IFREG | 0444;
    out.st_nlink = node.object == nullptr ? 2 : 1;
    out.st_size = node.object == nullptr ? 0 : static_cast<off_t>(node.object->size);
    out.st_blksize = static_cast<blksize_t>(first_window_bytes);
    out.st_blocks = (out.st_size + 511) / 512;
    out.st_mtim = out.st_atim = out.st_ctim = mounted_at;
    return out;
}

base::Result<void> FastFileNames::add_all() {
    nodes.emplace_back();
    for (const auto& object : objects) {
        size_t at = 0;
        auto parts = base::split(object.name, '/');
        for (size_t i = 0; i < parts.size(); ++i) {
            auto [child, made] = nodes[at].children.try_emplace(std::string(parts[i]), nodes.size());
            at = child->second;
            bool file = i + 1 == parts.size();
            if (made) {
                nodes.emplace_back();
                if (file) nodes[at].object = &object;
            } else if (file || nodes[at].object != nullptr) {
                // S3 allows both `a` and `a/b`; a file system does not.
                return base::fail(base::code::ClientError,
                                  "Data download failed:" + object.where.text() +
                                      " cannot be a file: another object has the same name or needs it as a folder");
            }
        }
    }
    return {};
}

base::Result<std::shared_ptr<const FastFileNames>> names_of(std::vector<ChannelObject> objects) {
    auto names = std::make_shared<FastFileNames>();
    names->objects = std::move(objects);
    TRY(names->add_all());
    return names;
}

void FastFileMount::State::release(std::shared_ptr<OpenFile>* held) {
    {
        const base::Lock lock((*held)->mutex);
        drop(**held);
    }
    {
        const base::Lock lock(handles_mutex);
        handles.erase(held);
    }
    delete held;
    memory.close_file();
}

void FastFileMount::State::drop(OpenFile& file) {
    memory.forget(file);
    memory.give_back(std::exchange(file.window, {}).size());
}

int FastFileMount::State::fetch(OpenFile& file, uint64_t offset, uint64_t size) {
    drop(file);
    if (!memory.take(size, stop)) return EIO;
    auto credentials = credentials_of(session);
    auto bytes = credentials ? data.read(*credentials, file.object->where, file.object->etag, offset, size)
                             : base::Result<std::string>(std::unexpected(credentials.error()));
    if (!bytes) {
        memory.give_back(size);
        base::log_warn("a worker's read of " + file.object->where.text() + " failed: " + bytes.error().describe());
        return errno_of(bytes.error());
    }
    if (bytes_read != nullptr) *bytes_read += bytes->size();
    file.window = std::move(*bytes);  // all of `size`, or it would be an error
    file.start = offset;
    file.end = offset + file.window.size();
    return 0;
}

int FastFileMount::State::read(OpenFile& file, uint64_t offset, uint64_t size, std::string_view& out) {
    uint64_t total = file.object->size;
    if (offset >= total) return 0;
    size = std::min({size, total - offset, read_bytes_max});
    bool here = offset >= file.start && offset + size <= file.start + file.window.size();
    if (!here) {
        bool in_order = offset >= file.start && offset <= file.end + nearby_bytes && file.end > file.start;
        if (offset == 0 && file.end == 0) in_order = true;
        uint64_t from = offset, length = size;
        // With many files open, less is read ahead of each.
        const uint64_t window_max = std::min(window_bytes_max, memory.fair_share());
        if (in_order && window_max > size) {
            from = std::min(offset, file.end);
            file.next_window = std::min(std::max(file.next_window * 2, first_window_bytes), window_max);
            length = std::max(offset + size - from, file.next_window);
        } else {
            file.next_window = 0;
        }
        length = std::min(length, total - from);
        if (int error = fetch(file, from, length); error != 0) return error;
    }
    out = std::string_view(file.window).substr(offset - file.start, size);
    return 0;
}

void FastFileMount::State::serve() {
    fuse_buf buffer{};
    pollfd watched[] = {{fuse_session_fd(fuse), POLLIN, 0}, {wake, POLLIN, 0}};
    while (!stop) {
        if (::poll(watched, 2, -1) < 0 && errno != EINTR) break;
        if (stop || fuse_session_exited(fuse) != 0) break;
        int got = fuse_session_receive_buf(fuse, &buffer);
        if (got == -EINTR || got == -EAGAIN || got == -ENOENT) continue;
        if (got <= 0) break;
        fuse_session_process_buf(fuse, &buffer);
    }
    std::free(buffer.mem);
}

FastFileMount::State::~State() {
    stop = true;
    uint64_t one = 1;
    if (wake >= 0 && ::write(wake, &one, sizeof one) != sizeof one) base::log_error("a FastFile mount cannot be woken");
    for (auto& thread : threads) thread.join();
    if (mounted) fuse_session_unmount(fuse);
    if (fuse != nullptr) fuse_session_destroy(fuse);
    if (wake >= 0) ::close(wake);
    for (auto* held : std::vector(handles.begin(), handles.end())) release(held);
}

FastFileMount::FastFileMount(std::unique_ptr<State> state) : state_(std::move(state)) {}
FastFileMount::~FastFileMount() = default;

base::Result<std::unique_ptr<FastFileMount>> FastFileMount::mount(JobData& data, RoleSession& session,
                                                                  std::shared_ptr<const FastFileNames> names,
                                                                  const std::string& folder, InputMemory& memory,
                                                                  std::atomic<uint64_t>* bytes_read) {
    auto state = std::make_unique<State>(data, session, std::move(names), memory, bytes_read);
    ::clock_gettime(CLOCK_REALTIME, &state->mounted_at);
    fuse_set_log_func(to_our_log);
    // Workers are other users than the server; only root may let them in without /etc/fuse.conf.
    std::string options =
        "ro,nosuid,nodev,default_permissions,fsname=trainwarden,subtype=s3,max_read=" + std::to_string(read_bytes_max);
    if (::geteuid() == 0) options += ",allow_other";
    const char* words[] = {"trainwarden", "-o", options.c_str()};
    fuse_args arguments = FUSE_ARGS_INIT(3, const_cast<char**>(words));
    state->fuse = fuse_session_new(&arguments, &operations, sizeof operations, state.get());
    fuse_opt_free_args(&arguments);
    state->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (state->fuse == nullptr || state->wake < 0 || fuse_session_mount(state->fuse, folder.c_str()) != 0)
        return base::fail(base::code::InternalError, "cannot mount a FastFile channel on " + folder);
    state->mounted = true;
    int descriptor = fuse_session_fd(state->fuse);
    // Several threads wait for the same requests: a late one must not block.
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    for (size_t i = 0; i < server_threads; ++i) state->threads.emplace_back([raw = state.get()] { raw->serve(); });
    return std::unique_ptr<FastFileMount>(new FastFileMount(std::move(state)));
}

namespace {

// Mounts an empty file system in a private place: that /dev/fuse and fusermount3 are there does not say that they may be used.
bool try_mount() {
    if (::access("/dev/fuse", F_OK) != 0) return false;
    std::error_code error;
    std::string folder = (std::filesystem::temp_directory_path(error) / "trainwarden-fuse-XXXXXX").string();
    if (error || ::mkdtemp(folder.data()) == nullptr) return false;
    fuse_set_log_func(to_our_log);
    const char* words[] = {"trainwarden", "-o", ::geteuid() == 0 ? "ro,nosuid,nodev,allow_other" : "ro,nosuid,nodev"};
    fuse_args arguments = FUSE_ARGS_INIT(3, const_cast<char**>(words));
    const fuse_lowlevel_ops none{};
    fuse_session* session = fuse_session_new(&arguments, &none, sizeof none, nullptr);
    fuse_opt_free_args(&arguments);
    const bool mounted = session != nullptr && fuse_session_mount(session, folder.c_str()) == 0;
    if (mounted) fuse_session_unmount(session);
    if (session != nullptr) fuse_session_destroy(session);
    ::rmdir(folder.c_str());
    return mounted;
}

}  // namespace

bool fast_file_available() {
    static const bool available = try_mount();
    return available;
}

void unmount_below(const std::string& folder) {
    std::error_code error;  // The kernel names them without links.
    const std::string real = std::filesystem::weakly_canonical(folder, error).string();
    const std::string& top = error ? folder : real;
    std::ifstream mounts("/proc/self/mountinfo");
    std::vector<std::string> found;
    for (std::string line; std::getline(mounts, line);) {
        auto words = base::split(line, ' ');
        if (words.size() < 5) continue;
        std::string path;  // \040 is a space
        for (size_t i = 0; i < words[4].size(); ++i) {
            if (words[4][i] == '\\' && i + 3 < words[4].size()) {
                path += static_cast<char>((words[4][i + 1] - '0') * 64 + (words[4][i + 2] - '0') * 8 + (words[4][i + 3] - '0'));
                i += 3;
            } else {
                path += words[4][i];
            }
        }
        if (path == top || path.starts_with(top + "/")) found.push_back(std::move(path));
    }
    for (auto path = found.rbegin(); path != found.rend(); ++path) {
        if (::umount2(path->c_str(), MNT_DETACH) == 0) continue;
        const auto unmounted =
            os::run({.arguments = {"/usr/bin/fusermount3", "-u", "-q", "-z", *path}}, std::chrono::seconds(60));
        if (!unmounted || !unmounted->status.success()) base::log_error("what an earlier server mounted remains: " + *path);
    }
}

}  // namespace training
