// A data folder to be read whole: by a snapshot of the server that runs on it, asked for on the operator's socket, or, where none runs, as it
// lies there, locked so that none begins.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "admin/source.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "wire/client.hpp"

namespace server {

// A client of the server that runs on this folder, over its socket; nullptr: none runs. `lock`, if not null: then the folder's lock, as a
// server holds it. Errors: `NoServer` (there is no such folder), `DataFolderUnusable`.
[[nodiscard]] base::Result<std::unique_ptr<wire::Client>> client_of_folder(const std::string& data, os::Descriptor* lock);

class OpenedSource {
public:
    // Errors: `NoServer`, the server's.
    [[nodiscard]] static base::Result<std::unique_ptr<OpenedSource>> open(const std::string& data);
    ~OpenedSource();
    OpenedSource(const OpenedSource&) = delete;
    OpenedSource& operator=(const OpenedSource&) = delete;

    [[nodiscard]] const admin::Source& source() const { return source_; }
    // Whether what is read is still kept. Error `NoSuchSnapshot`.
    [[nodiscard]] base::Result<void> go_on() const;

private:
    OpenedSource() = default;
    void renew_until_the_end();

    admin::Source source_;
    os::Descriptor lock_;                   // of a folder without a server
    std::unique_ptr<wire::Client> client_;  // nullptr: there is no server
    std::string snapshot_;
    std::atomic<bool> is_lost_ = false;
    base::Mutex mutex_;
    base::Condition ending_;
    bool ends_ GUARDED_BY(mutex_) = false;
    std::thread renewer_;
};

// The public keys of the folder's audit log, PEM, one behind the other; "": they are not where they should be.
[[nodiscard]] std::string audit_public_keys_of(const std::string& data);

}  // namespace server
