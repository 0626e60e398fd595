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

constexpr uint64_t share_of_disk_max = 4;  // one part in
constexpr std::chrono::seconds between_tries{1};

thread_local int scopes = 0;

}  // namespace

SpaceReserve::SpaceReserve(std::string path, uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {
    struct statvfs disk{};
    const auto folder = path_.substr(0, path_.rfind('/'));
    if (::statvfs(folder.c_str(), &disk) == 0)
        bytes_ = std::min<uint64_t>(bytes_, uint64_t{disk.f_blocks} * disk.f_frsize / share_of_disk_max);
    whole_ = take();
    tried_ = std::chrono::steady_clock::now();
    if (!whole_) base::log_warn("the disk is full: nothing new is stored until there is space again; deletes work");
}

bool SpaceReserve::take() {
    const os::Descriptor file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file.is_open()) return errno != ENOSPC && errno != EDQUOT;
    const bool taken = ::fallocate(file.number(), 0, 0, static_cast<off_t>(bytes_)) == 0 || (errno != ENOSPC && errno != EDQUOT);
    if (!taken) (void)::ftruncate(file.number(), 0);  // a part of it is of no use
    return taken;
}

bool SpaceReserve::whole() {
    if (whole_) return true;
    const base::Lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (whole_ || now - tried_ < between_tries) return whole_;
    tried_ = now;
    whole_ = take();
    if (whole_) base::log_info("there is space on the disk again");
    return whole_;
}

void SpaceReserve::release() {
    const base::Lock lock(mutex_);
    if (!whole_) return;
    whole_ = false;
    tried_ = std::chrono::steady_clock::now();
    if (::truncate(path_.c_str(), 0) != 0 && errno != ENOENT)
        base::log_error("cannot release `" + path_ + "`: " + std::strerror(errno));
    base::log_warn("the disk is full: nothing new is stored until there is space again; deletes work");
}

MayUseReserve::MayUseReserve() { ++scopes; }
MayUseReserve::~MayUseReserve() { --scopes; }
bool MayUseReserve::here() { return scopes > 0; }

}  // namespace store
