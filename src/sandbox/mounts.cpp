#include "sandbox/mounts.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error_codes.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

// Of this machine's /etc: what makes programs run, nothing about its users, its network or its services.
constexpr const char* host_settings[] = {"alternatives",
                                         "bash.bashrc",
                                         "ca-certificates",
                                         "ca-certificates.conf",
                                         "fonts",
                                         "inputrc",
                                         "ld.so.cache",
                                         "ld.so.conf",
                                         "ld.so.conf.d",
                                         "localtime",
                                         "magic",
                                         "mime.types",
                                         "openmpi",
                                         "OpenCL",
                                         "pki",
                                         "pmix",
                                         "profile",
                                         "protocols",
                                         "services",
                                         "ssl",
                                         "timezone",
                                         "vulkan"};

constexpr const char* own_settings[] = {"hosts", "hostname", "passwd", "group", "resolv.conf", "nsswitch.conf"};

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

struct Arguments {
    std::vector<std::string> words;
    template <class... Words>
    void add(Words&&... more) {
        (words.emplace_back(std::forward<Words>(more)), ...);
    }
    // One entry of the image at its place: a link stays a link.
    void show(const fs::path& from, const std::string& staged, const std::string& place) {
        std::error_code error;
        if (fs::is_symlink(from, error)) {
            add("--symlink", fs::read_symlink(from, error).string(), place);
        } else if (fs::exists(from, error)) {
            add("--ro-bind", staged, place);
        }
    }
};

struct Entry {
    fs::path path;
    std::string name;
};

// In order of name. A folder that is not there is empty.
std::vector<Entry> entries_of(const fs::path& folder) {
    std::vector<Entry> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
        found.push_back({entry.path(), entry.path().filename().string()});
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return found;
}

void show_host(Arguments& arguments) {
    arguments.add("--ro-bind", "/usr", "/usr");
    for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"})
        arguments.show(std::string("/") + name, std::string("/") + name, std::string("/") + name);
    for (const char* name : host_settings) {
        std::string place = std::string("/etc/") + name;
        arguments.show(place, place, place);
    }
    for (const auto& entry : entries_of("/etc")) {
        if (entry.name.starts_with("python3")) arguments.show(entry.path, entry.path, entry.path);
    }
    for (const auto& entry : entries_of("/opt")) {
        if (entry.name != "ml") arguments.show(entry.path, entry.path, "/opt/" + entry.name);
    }
}

void show_image(Arguments& arguments, const std::string& root) {
    std::string staged = stage_image;
    for (const auto& entry : entries_of(root)) {
        std::error_code error;
        bool merged =
            is_one_of(entry.name, {"etc", "opt", "var", "home"}) && fs::is_directory(fs::symlink_status(entry.path, error));
        if (is_one_of(entry.name, {"dev", "proc", "sys", "tmp", "run"}) || ("/" + entry.name) == inside_path) continue;
        if (!merged) {
            arguments.show(entry.path, staged + "/" + entry.name, "/" + entry.name);
            continue;
        }
        for (const auto& part : entries_of(entry.path)) {
            std::string place = "/" + entry.name + "/" + part.name;
            bool ours = is_one_of(place, {"/opt/ml", "/var/tmp", "/var/run", worker_home});
            for (const char* name : own_settings) ours = ours || place == std::string("/etc/") + name;
            if (!ours) arguments.show(part.path, staged + place, place);
        }
    }
}

base::Result<void> write_file(const std::string& path, const std::string& content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << content;
    file.close();
    if (!file) return base::fail(base::code::SandboxUnavailable, "cannot write " + path);
    return {};
}

}  // namespace

std::vector<std::string> writable_paths() { return {"/opt/ml", "/tmp", "/var/tmp", worker_home, "/run", "/dev/shm"}; }

base::Result<std::vector<std::string>> mount_arguments(const Image& image, const std::vector<std::string>& shared, bool gpus,
                                                       int inside_descriptor) {
    Arguments arguments;
    if (image.root.empty()) {
        show_host(arguments);
    } else {
        std::error_code error;
        if (!fs::is_directory(image.root, error))
            return base::fail(base::code::SandboxUnavailable, "there is no image at " + image.root);
        show_image(arguments, image.root);
    }
    std::string worker = stage_worker;
    for (const char* name : own_settings) arguments.add("--ro-bind", worker + "/etc/" + name, std::string("/etc/") + name);
    arguments.add("--bind", worker + "/ml", "/opt/ml");
    arguments.add("--bind", worker + "/tmp", "/tmp", "--bind", worker + "/tmp", "/var/tmp");
    arguments.add("--bind", worker + "/home", worker_home);
    for (size_t i = 0; i < shared.size(); ++i) arguments.add("--ro-bind", stage_share + std::to_string(i), shared[i]);
    arguments.add("--tmpfs", "/run", "--symlink", "/run", "/var/run");
    arguments.add("--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm");
    for (const auto& entry : entries_of("/dev")) {
        if (gpus && entry.name.starts_with("nvidia")) arguments.add("--dev-bind", entry.path.string(), entry.path.string());
    }
    // How many processors there are and which caches they share; nothing about devices or networks.
    arguments.add("--ro-bind", "/sys/devices/system/cpu", "/sys/devices/system/cpu");
    arguments.add("--ro-bind-try", "/sys/devices/system/node", "/sys/devices/system/node");
    arguments.add("--perms", "0555", "--ro-bind-data", std::to_string(inside_descriptor), inside_path);
    arguments.add("--remount-ro", "/");
    return std::move(arguments.words);
}

base::Result<void> write_settings(const std::string& worker_folder, const std::string& host_name, const std::string& hosts) {
    std::string folder = worker_folder + "/etc/";
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return base::fail(base::code::SandboxUnavailable, "cannot make the folder " + folder + ": " + error.message());
    std::string user = std::to_string(worker_user);
    TRY(write_file(folder + "hosts", hosts));
    TRY(write_file(folder + "hostname", host_name + "\n"));
    TRY(write_file(folder + "passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\nworker:x:" + user + ":" + user +
                                          ":worker:" + worker_home +
                                          ":/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"));
    TRY(write_file(folder + "group", "root:x:0:\nworker:x:" + user + ":\nnogroup:x:65534:\n"));
    TRY(write_file(folder + "resolv.conf", ""));
    return write_file(folder + "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n");
}

}  // namespace sandbox
