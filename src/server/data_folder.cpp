#include "server/data_folder.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "admin/manifest.hpp"
#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "crypto/seal.hpp"
#include "os/file.hpp"
#include "text/base64.hpp"
#include "text/json.hpp"

namespace server {
namespace {

namespace fs = std::filesystem;
constexpr size_t small_file_bytes_max = 1 << 20;  // of the files that this one writes
constexpr std::string_view sealed_proof = "this is the master key of this data folder";

std::unexpected<base::Error> unusable(const std::string& what, const std::string& path) {
    return base::fail(base::code::DataFolderUnusable, what + " `" + path + "`: " + std::strerror(errno));
}

// `ada`, or `user 1001` where the machine has no name for it.
std::string user_name(uid_t user) {
    const passwd* entry = ::getpwuid(user);
    return entry != nullptr ? "`" + std::string(entry->pw_name) + "`" : "user " + std::to_string(user);
}

constexpr const char* data_remedy = "run the server as that folder's owner, or choose another folder with --data";
constexpr const char* key_remedy = "choose another place for the master key with --master-key-file";

// The same error as one of the data folder.
template <class T>
base::Result<T> of_folder(base::Result<T> result) {
    if (result) return result;
    return base::fail(base::code::DataFolderUnusable, result.error().message);
}

// `remedy` says which option names another place.
base::Result<void> make_folder(const std::string& path, const char* remedy) {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode))
        return base::fail(base::Error(base::code::DataFolderUnusable, "`" + path + "` is not a folder").note(remedy));
    if (auto made = of_folder(os::make_folders(path)); !made) return base::fail(std::move(made).error().note(remedy));
    if (::chmod(path.c_str(), 0700) == 0) return {};
    const int number = errno;
    if (number == EPERM && ::stat(path.c_str(), &status) == 0)
        return base::fail(base::Error(base::code::DataFolderUnusable, "the folder `" + path + "` belongs to " +
                                                                          user_name(status.st_uid) +
                                                                          ", and this program runs as " + user_name(::geteuid()))
                              .note(remedy));
    errno = number;
    return unusable("cannot set the mode of", path);
}

base::Result<std::string> read_file(const std::string& path) { return of_folder(os::read_file(path, small_file_bytes_max)); }

constexpr auto subfolders = std::to_array<std::string_view>({"keys", "blobs", "audit", "jobs", "logs"});
constexpr std::string_view of_a_new_file_system = "lost+found";

bool is_empty_folder(const fs::path& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return false;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
        if (at->path().filename() != of_a_new_file_system) return false;
    return !error;
}

// Of a first start that was cut off before `installation` was there; what a new file system has; and subfolders that were made for the server
// so that they lie on disks of their own.
bool is_of_a_first_start(const fs::directory_entry& entry) {
    std::error_code error;
    const std::string name = entry.path().filename().string();
    if (name == of_a_new_file_system) return entry.is_directory(error);
    if (std::ranges::find(subfolders, name) != subfolders.end()) return is_empty_folder(entry.path());
    const bool is_unfinished = name.starts_with("installation.") && name.ends_with(".new");  // os::replace_file
    return (name == "lock" || is_unfinished) && !entry.is_symlink(error) && entry.is_regular_file(error);
}

// Is this file one that `make` has written? Whose content is damaged is for who reads it.
bool is_installation(const std::string& file) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) return false;
    const auto content = os::read_file(file, small_file_bytes_max);
    const auto json = content ? text::parse_json(*content) : base::fail(content.error());
    return json && !(*json)["Id"].as_string().empty() && !(*json)["MasterKeyFile"].as_string().empty() &&
           !(*json)["Sealed"].as_string().empty();
}

// A server changes the mode of its folder and removes from it what it does not know: it takes one that is its own already, or that is
// empty, and no other. Nothing is changed here.
base::Result<void> check_may_be_taken(const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return {};  // it is made, or refused
    const std::string installation = path + "/installation";
    // Its files are other backups', too, and perhaps another server's.
    if (exists(path + "/" + std::string(admin::manifest_file)) && exists(installation))
        return base::fail(base::Error(base::code::DataFolderUnusable, "`" + path + "` is a backup")
                              .note("make a data folder of it: trainwarden admin restore; nothing was changed"));
    if (is_installation(installation)) return {};
    std::string other;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
        if (!is_of_a_first_start(*at)) other = std::min(other.empty() ? "\xff" : other, at->path().filename().string());
    if (error == std::errc::permission_denied) return {};  // another's: what is tried next says whose
    if (error) return base::fail(base::code::DataFolderUnusable, "cannot read `" + path + "`: " + error.message());
    if (other.empty() || is_installation(installation)) return {};  // another server begins with it
    if (exists(installation))
        return base::fail(
            base::Error(base::code::DataFolderUnusable, "`" + installation + "` is none of a data folder of trainwarden")
                .note("if this is one, bring that file back from a copy: it says which master key the data was sealed under; "
                      "else name "
                      "a folder that is empty, or not there, with --data"));
    const auto has = [&](const char* inner) { return fs::is_directory(path + inner, error); };
    if (has("/keys") && has("/blobs") && has("/audit"))
        return base::fail(
            base::Error(base::code::DataFolderUnusable, "`" + path + "` holds data but no `installation` file")
                .note("it says which master key the data was sealed under: bring it back from a copy; what a restore that "
                      "did not succeed has left may be removed"));
    return base::fail(base::Error(base::code::DataFolderUnusable,
                                  "`" + path + "` is not empty, and no data folder of trainwarden: `" + other + "` is in it")
                          .note("nothing was changed; name a folder that is empty, or not there, with --data: --data " + path +
                                "/trainwarden-data"));
}

std::string default_key_folder() {
    const char* config = std::getenv("XDG_CONFIG_HOME");
    if (config != nullptr && *config == '/') return std::string(config) + "/trainwarden";
    const char* home = std::getenv("HOME");
    return std::string(home != nullptr && *home != '\0' ? home : "/root") + "/.config/trainwarden";
}

std::string credentials_file(const identity::Directory::FirstAccount& first) {
    return "# Root credentials of account " + first.account +
           ", made by `trainwarden serve`. They permit everything.\n"
           "[default]\naws_access_key_id = " +
           first.root.access_key_id + "\naws_secret_access_key = " + first.root.secret_access_key + "\n";
}

}  // namespace

bool exists(const std::string& path) {
    std::error_code error;
    return fs::exists(path, error) || error;
}

base::Result<void> write_whole(const std::string& path, std::string_view content) {
    return of_folder(os::replace_file(path, content));
}

base::Result<identity::MasterKeys> read_master_key_file(const std::string& file) {
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0)
        return base::fail(base::code::MasterKeyMissing, "cannot read the master key `" + file + "`: " + std::strerror(errno));
    if ((status.st_mode & 077) != 0)
        return base::fail(base::Error(base::code::MasterKeyWrong, "the master key `" + file + "` can be read by others")
                              .note("run: chmod 600 " + file));
    auto keys = identity::read_master_keys(TRY(read_file(file)));
    if (keys) return keys;
    keys.error().message = "`" + file + "` " + keys.error().message;
    return keys;
}

std::string sealed_proof_of(const identity::MasterKeys& keys, const std::string& id, crypto::Random& random) {
    return text::encode_base64(crypto::seal(random, keys.current, sealed_proof, id));
}

bool opens_proof(const identity::MasterKeys& keys, const std::string& id, const std::string& sealed_text) {
    const auto sealed = text::decode_base64(sealed_text);
    if (!sealed) return false;
    const auto opens = [&](const std::string& key) {
        const auto proof = crypto::open_seal(key, *sealed, id);
        return proof && *proof == sealed_proof;
    };
    return opens(keys.current) || std::ranges::any_of(keys.former, [&](const auto& former) { return opens(former.key); });
}

base::Result<std::string> default_master_key_file(const std::string& id) {
    const std::string folder = default_key_folder();
    TRY(make_folder(folder, key_remedy));
    return folder + "/" + id + ".key";
}

base::Result<std::unique_ptr<DataFolder>> DataFolder::open(const std::string& path, const std::string& master_key_file,
                                                           crypto::Random& random) {
    std::unique_ptr<DataFolder> folder(new DataFolder);
    if (auto made = folder->make(path, master_key_file, random); !made) {
        folder->take_back();
        return base::fail(std::move(made).error());
    }
    return folder;
}

DataFolder::~DataFolder() = default;

base::Result<void> DataFolder::make_inside(const std::string& folder, const char* remedy) {
    const bool is_new = !exists(folder);
    TRY(make_folder(folder, remedy));
    if (is_new) made_.push_back(folder);
    return {};
}

base::Result<void> DataFolder::make(const std::string& path, const std::string& master_key_file, crypto::Random& random) {
    TRY(check_may_be_taken(path));
    TRY(make_inside(path, data_remedy));
    std::error_code error;
    path_ = fs::canonical(path, error).string();
    if (error) return base::fail(base::code::DataFolderUnusable, "cannot read `" + path + "`: " + error.message());
    TRY(take_lock());
    TRY(load_master_key(master_key_file, random));
    for (const std::string& inner : {keys_directory(), blobs_directory(), audit_directory(), jobs_directory(), logs_directory()})
        TRY(make_inside(inner, data_remedy));
    return {};
}

void DataFolder::take_back() {
    // What is not empty stays, and with it what was made before: a folder with data and no `installation` would not open.
    while (!made_.empty()) {
        std::error_code error;
        fs::remove(made_.back(), error);
        if (error) return;
        made_.pop_back();
    }
}

base::Result<void> DataFolder::take_lock() {
    const std::string file = path_ + "/lock";
    if (!exists(file)) made_.push_back(file);
    lock_ = TRY(of_folder(os::open_file(file, O_RDWR | O_CREAT)));
    // A record lock is this process's alone. A flock() would live on in children that a killed server has just forked, and the
    // next start would find the folder busy.
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(lock_.number(), F_SETLK, &whole) == 0) return {};
    if (errno != EACCES && errno != EAGAIN) return unusable("cannot lock", file);
    const bool known = ::fcntl(lock_.number(), F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK && whole.l_pid > 0;
    const std::string holder = known ? " (process " + std::to_string(whole.l_pid) + ")" : "";
    return base::fail(base::Error(base::code::DataFolderBusy, "another server uses the data folder `" + path_ + "`" + holder)
                          .note("stop it first, or give this one a folder of its own with --data"));
}

base::Result<void> DataFolder::load_master_key(const std::string& file, crypto::Random& random) {
    const std::string installation = path_ + "/installation";
    if (exists(installation)) {
        const std::string content = TRY(read_file(installation));
        const text::Json json = TRY(text::parse_json(content));
        const std::string id = json["Id"].as_string();
        const std::string key_file = file.empty() ? json["MasterKeyFile"].as_string() : file;
        if (!exists(key_file))
            return base::fail(
                base::Error(base::code::MasterKeyMissing, "the master key of `" + path_ + "` is not at `" + key_file + "`")
                    .note("bring it back, or say where it is with --master-key-file; without it no secret in the "
                          "folder can be read"));
        master_keys_ = TRY(read_master_key_file(key_file));
        if (!opens_proof(master_keys_, id, json["Sealed"].as_string()))
            return base::fail(base::code::MasterKeyWrong,
                              "`" + key_file + "` is not the master key that the data folder `" + path_ + "` was made with");
        std::error_code error;
        master_key_file_ = fs::absolute(key_file, error).string();
        id_ = id;
        return {};
    }
    const std::string id = random.hex(16);
    std::string key_file = file;
    if (key_file.empty()) key_file = TRY(default_master_key_file(id));
    std::error_code error;
    key_file = fs::absolute(key_file, error).string();
    if (!exists(key_file)) {
        auto written = write_whole(key_file, identity::to_text({random.bytes(identity::master_key_bytes), {}, {}}));
        if (!written) return base::fail(std::move(written).error().note(key_remedy));
        made_.push_back(key_file);
    }
    master_keys_ = TRY(read_master_key_file(key_file));
    master_key_file_ = key_file;
    id_ = id;
    TRY(write_whole(
        installation,
        text::Json::object({{"Id", id}, {"MasterKeyFile", key_file}, {"Sealed", sealed_proof_of(master_keys_, id, random)}})
                .pretty() +
            "\n"));
    made_.push_back(installation);
    return {};
}

base::Result<void> DataFolder::write_master_keys(const identity::MasterKeys& keys, crypto::Random& random) const {
    const std::string installation = path_ + "/installation";
    const std::string content = TRY(read_file(installation));
    text::Json json = TRY(text::parse_json(content));
    // The file of keys first: it has the former key as well, so that the folder's proof is opened whichever of the two a crash leaves …
    if (!opens_proof(keys, id_, json["Sealed"].as_string()))
        return base::fail(base::code::MasterKeyWrong, "the keys would not open the data folder `" + path_ + "`");
    TRY(write_whole(master_key_file_, identity::to_text(keys)));
    // … and before the former one goes, the proof is under the current.
    json.set("Sealed", sealed_proof_of(keys, id_, random));
    return write_whole(installation, json.pretty() + "\n");
}

base::Result<void> DataFolder::bootstrap(identity::Directory& directory) const {
    const std::string due = root_credentials_file() + ".due";
    const bool was_due = exists(due);
    // Before the first commit, so that whatever happens after it this file is there.
    if (!was_due && directory.default_account().empty()) TRY(write_whole(due, ""));
    auto first = TRY(directory.bootstrap());
    if (!first && was_due) {
        auto again = directory.root_credentials();
        if (!again && again.error().code != base::code::NoSuchEntity) return base::fail(again.error());
        if (again) first = *again;
    }
    if (first) TRY(write_whole(root_credentials_file(), credentials_file(*first)));
    if (exists(due) && ::unlink(due.c_str()) != 0) return unusable("cannot delete", due);
    return {};
}

base::Result<void> DataFolder::write_endpoint(const std::string& url, const std::vector<std::string>& regions,
                                              const std::string& authority) const {
    ::unlink((path_ + "/authority").c_str());
    if (!authority.empty()) TRY(write_whole(path_ + "/authority", authority + "\n"));
    TRY(write_whole(path_ + "/regions", base::join(regions, "\n") + "\n"));
    return write_whole(path_ + "/endpoint", url + "\n");
}

void DataFolder::remove_endpoint() const { ::unlink((path_ + "/endpoint").c_str()); }

}  // namespace server
