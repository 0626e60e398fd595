// What this machine can do for its workers, found out once by trying: a whole sandbox is made and `true` runs in it.
//
// Needed: user and network namespaces, bubblewrap, iproute2. As root a server gives each job a user of its own on the machine and
// sets limits; as another user, jobs run as that user and limits exist only where the control groups are delegated to it. What is
// missing is a remark, for the operator's log and the job's.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "sandbox/control_groups.hpp"
#include "sandbox/image.hpp"

namespace sandbox {

// A user of this machine that one job has to itself while this lives.
class Owner {
public:
    Owner() = default;  // the server's own user
    Owner(Owner&& other) noexcept : house_(other.house_), user_(other.user_), lock_(std::move(other.lock_)) {
        other.house_ = nullptr, other.user_ = -1;
    }
    Owner& operator=(Owner&& other) noexcept;
    ~Owner();
    [[nodiscard]] int user() const { return user_; }  // also its group; -1: the server's own

private:
    friend class Sandboxes;
    class Sandboxes* house_ = nullptr;
    int user_ = -1;
    os::Descriptor lock_;
};

class Sandboxes {
public:
    struct Settings {
        std::string server;   // tells the servers of a machine apart; a folder name
        std::string scratch;  // a folder for the trial
        std::string images;   // see image.hpp
        std::string image_cache;
        std::vector<std::string> shared;  // folders of the machine that every worker may read
        // Where several processes of this machine share one range of job users: a folder for the lock of each user.
        std::string owner_locks;
        bool limits = true;  // false: they are set elsewhere
        bool trial = true;   // false: a launch shows whether it works
    };
    // Error `SandboxUnavailable`: which step this machine does not permit.
    [[nodiscard]] static base::Result<std::unique_ptr<Sandboxes>> open(Settings settings);

    // Error `SandboxUnavailable`: every user of the server's range has a job.
    [[nodiscard]] base::Result<Owner> take_owner();
    // nullptr where there are no limits here.
    [[nodiscard]] base::Result<std::unique_ptr<ControlGroup>> limit(const std::string& worker, const Limits& limits) const;
    [[nodiscard]] Images& images() { return images_; }
    [[nodiscard]] const std::vector<std::string>& shared() const { return settings_.shared; }
    [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }

private:
    explicit Sandboxes(Settings settings);
    friend class Owner;
    [[nodiscard]] base::Result<void> choose_owners();
    [[nodiscard]] base::Result<void> try_one();
    [[nodiscard]] os::Descriptor lock_owner(int owner) const;

    Settings settings_;
    Images images_;
    std::unique_ptr<ControlGroups> groups_;
    std::vector<std::string> remarks_;
    int first_owner_ = -1;
    base::Mutex mutex_;
    std::set<int> free_owners_ GUARDED_BY(mutex_);
};

// Gives the folder and all in it to a user, following no links and leaving out what other file systems are mounted there.
// Error `SandboxUnavailable`.
[[nodiscard]] base::Result<void> give_folder(const std::string& folder, int owner);

}  // namespace sandbox
