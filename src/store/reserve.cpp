#include "store/reserve.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "os/descriptor.hpp"

namespace store {
namespace {

// One part in so many of the disk, at most.
constexpr uint64_t share_for_administration_max = 8, share_for_making_room_max = 4;
constexpr std::chrono::seconds between_tries{1};
constexpr uint64_t block_bytes = 512;  // of st_blocks

thread_local auto use_here = ReserveUse::none;

void say_full() {
    base::log_warn("the disk is full: nothing new is stored until there is space again; reads, deletes and administration work");
}

bool is_of_space(int error) { return error == ENOSPC || error == EDQUOT; }

}  // namespace

SpaceReserve::SpaceReserve(const std::string& path, Sizes sizes) {
    struct statvfs disk{};
    const auto folder = path.substr(0, path.rfind('/'));
    if (::statvfs(folder.c_str(), &disk) == 0) {
        const uint64_t bytes = uint64_t{disk.f_blocks} * disk.f_frsize;
        sizes.administration = std::min(sizes.administration, bytes / share_for_administration_max);
        sizes.making_room = std::min(sizes.making_room, bytes / share_for_making_room_max);
    }
    parts_[0].path = path + "-for-administration";
    parts_[0].bytes = sizes.administration;
    parts_[0].step = sizes.administration_step;
    parts_[1].path = path;
    parts_[1].bytes = sizes.making_room;
    // What is for deletes first.
    bool whole = true;
    for (size_t part = parts_.size(); part-- > 0;) whole = (parts_.at(part).whole = take(parts_.at(part))) && whole;
    tried_ = std::chrono::steady_clock::now();
    if (!whole) say_full();
}

bool SpaceReserve::take(const Part& part) {
    const os::Descriptor file(::open(part.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file.is_open()) return !is_of_space(errno);
    // Looked at first: fallocate takes the last blocks from who writes now before it gives up.
    struct stat facts{};
    struct statvfs disk{};
    if (::fstat(file.number(), &facts) != 0) return false;
    if (::fstatvfs(file.number(), &disk) == 0) {
        const uint64_t had = static_cast<uint64_t>(facts.st_blocks) * block_bytes;
        // Room for all of it, whatever is left: else what is new would be let on and refused in turn with every object that is deleted.
        if (had < part.bytes && uint64_t{disk.f_bavail} * disk.f_frsize < part.bytes) return false;
    }
    const bool taken = ::fallocate(file.number(), 0, 0, static_cast<off_t>(part.bytes)) == 0 || !is_of_space(errno);
    if (!taken) (void)::ftruncate(file.number(), facts.st_size);  // as it was
    return taken;
}

bool SpaceReserve::lets_on(ReserveUse use) {
    if (use == ReserveUse::making_room) return true;
    const auto is_kept = [&] { return parts_[1].whole && (use == ReserveUse::administration || parts_[0].whole); };
    if (is_kept()) return true;
    const base::Lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now - tried_ < between_tries) return is_kept();
    tried_ = now;
    // What is for deletes first.
    for (size_t part = parts_.size(); part-- > 0;)
        if (!parts_.at(part).whole && !(parts_.at(part).whole = take(parts_.at(part)))) return is_kept();
    base::log_info("there is space on the disk again");
    return true;
}

bool SpaceReserve::release(ReserveUse use) {
    if (use == ReserveUse::none) return false;
    const base::Lock lock(mutex_);
    const size_t usable = use == ReserveUse::making_room ? 2 : 1;
    for (size_t i = 0; i < usable; ++i) {
        Part& part = parts_.at(i);
        struct stat facts{};
        const uint64_t left = ::stat(part.path.c_str(), &facts) == 0 ? static_cast<uint64_t>(facts.st_size) : 0;
        if (!part.whole && left == 0) continue;
        if (parts_[0].whole && parts_[1].whole) say_full();
        part.whole = false;
        tried_ = std::chrono::steady_clock::now();
        const uint64_t stays = part.step == 0 || left < part.step ? 0 : left - part.step;
        if (::truncate(part.path.c_str(), static_cast<off_t>(stays)) != 0 && errno != ENOENT) {
            base::log_error("cannot release `" + part.path + "`: " + std::strerror(errno));
            continue;
        }
        return true;
    }
    return false;
}

MayUseReserve::MayUseReserve(ReserveUse use) : before_(use_here) { use_here = std::max(use_here, use); }
MayUseReserve::~MayUseReserve() { use_here = before_; }
ReserveUse MayUseReserve::here() { return use_here; }

MayNotUseReserve::MayNotUseReserve() : before_(use_here) { use_here = ReserveUse::none; }
MayNotUseReserve::~MayNotUseReserve() { use_here = before_; }

}  // namespace store
