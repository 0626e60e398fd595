// The data folder of a server, and what is kept for it outside.
//
//     DIR/                   0700
//       lock                 locked (fcntl) while a server runs
//       installation         JSON: which master key belongs here, and a text sealed under it that shows it is the right one
//       root-credentials     0600, an AWS credentials file: the first account's root keys
//       root-credentials.due exists from before bootstrap until root-credentials is written: a crash between is made good
//       endpoint             the URL of the running server
//       authority            of a server that made its own certificate: the path of what vouches for it
//       regions              the regions that it serves, one a line, the default first
//       socket               0600, a Unix socket: the APIs for the operator, whatever happens at the port
//       jobs-socket          0600: the same for what moves the data of training jobs
//       tls/                 where the server makes its own certificate (tls_files.hpp)
//       keys/ blobs/ audit/ jobs/ logs/
//     snapshot/            while a backup or a check is made: what it reads (admin/snapshots.hpp)
//     retention            what `admin retention` set, where `serve` has no option for it
//     $XDG_CONFIG_HOME/trainwarden/ID.key   0600: the master key, so that a copy of DIR alone gives no secrets away; while it is rotated,
//                                           the former one too (identity/master_keys.hpp)
//     beside it: the key that signs the audit log (audit_key.hpp)
//
// Every file here is written whole: a temporary file, fsync, rename, fsync of the folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "crypto/random.hpp"
#include "identity/directory.hpp"
#include "identity/master_keys.hpp"
#include "os/descriptor.hpp"

namespace server {

class DataFolder {
public:
    // Makes what is missing, takes the lock. `master_key_file` empty: the default place. What it made is gone again if it fails. A folder
    // that is there is taken if it has an `installation` that this program has written, or is empty; nothing of any other is changed, its
    // mode included.
    // Errors: `DataFolderBusy`, `MasterKeyMissing`, `MasterKeyWrong`, `DataFolderUnusable`.
    [[nodiscard]] static base::Result<std::unique_ptr<DataFolder>> open(const std::string& path,
                                                                        const std::string& master_key_file,
                                                                        crypto::Random& random);
    ~DataFolder();
    DataFolder(const DataFolder&) = delete;
    DataFolder& operator=(const DataFolder&) = delete;

    // Removes what `open` has made, where nothing has been put into it since: of a new folder, for a server that cannot start.
    void take_back();

    [[nodiscard]] const std::string& path() const { return path_; }  // absolute
    // Those that the folder was opened with.
    [[nodiscard]] const identity::MasterKeys& master_keys() const { return master_keys_; }
    // Others in their file: it opens all that the old content opens, or what is not needed is gone from it. Durable when it returns.
    [[nodiscard]] base::Result<void> write_master_keys(const identity::MasterKeys& keys, crypto::Random& random) const;
    [[nodiscard]] const std::string& master_key_file() const { return master_key_file_; }  // absolute
    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] std::string keys_directory() const { return path_ + "/keys"; }
    [[nodiscard]] std::string blobs_directory() const { return path_ + "/blobs"; }
    [[nodiscard]] std::string audit_directory() const { return path_ + "/audit"; }
    [[nodiscard]] std::string logs_directory() const { return path_ + "/logs"; }
    [[nodiscard]] std::string jobs_directory() const { return path_ + "/jobs"; }
    [[nodiscard]] std::string operator_socket() const { return path_ + "/socket"; }
    [[nodiscard]] std::string tls_directory() const { return path_ + "/tls"; }
    [[nodiscard]] std::string jobs_socket() const { return path_ + "/jobs-socket"; }
    [[nodiscard]] std::string root_credentials_file() const { return path_ + "/root-credentials"; }

    // Makes the first account if there is none and sees to it that its root keys are in root_credentials_file().
    [[nodiscard]] base::Result<void> bootstrap(identity::Directory& directory) const;

    [[nodiscard]] base::Result<void> write_endpoint(const std::string& url, const std::vector<std::string>& regions,
                                                    const std::string& authority = {}) const;
    void remove_endpoint() const;

private:
    DataFolder() = default;
    [[nodiscard]] base::Result<void> make(const std::string& path, const std::string& master_key_file, crypto::Random& random);
    [[nodiscard]] base::Result<void> make_inside(const std::string& folder, const char* remedy);
    [[nodiscard]] base::Result<void> take_lock();
    [[nodiscard]] base::Result<void> load_master_key(const std::string& file, crypto::Random& random);

    std::string path_;
    identity::MasterKeys master_keys_;
    std::string master_key_file_;
    std::string id_;  // of the installation
    os::Descriptor lock_;
    std::vector<std::string> made_;  // by `open`, in this order
};

// What cannot be told counts as there: nothing is to be made in its place.
[[nodiscard]] bool exists(const std::string& path);
// Writes the file whole or not at all, durably. Error `DataFolderUnusable`.
[[nodiscard]] base::Result<void> write_whole(const std::string& path, std::string_view content);

// Of a key file that nobody else may read. Errors: `MasterKeyMissing`, `MasterKeyWrong`.
[[nodiscard]] base::Result<identity::MasterKeys> read_master_key_file(const std::string& file);
// The `Sealed` of an `installation`, and whether one of the keys belongs to it.
[[nodiscard]] std::string sealed_proof_of(const identity::MasterKeys& keys, const std::string& id, crypto::Random& random);
[[nodiscard]] bool opens_proof(const identity::MasterKeys& keys, const std::string& id, const std::string& sealed);

// ID.key in the folder of keys, which it makes: $XDG_CONFIG_HOME/trainwarden, else ~/.config/trainwarden.
[[nodiscard]] base::Result<std::string> default_master_key_file(const std::string& id);

}  // namespace server
