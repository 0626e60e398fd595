#include "training/inputs.hpp"

#include <malloc.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "training/limits.hpp"

namespace training {
namespace {

constexpr uint64_t mounts_memory_least = 8ULL << 20;  // so that an answer and what is read ahead of it find room

}  // namespace
}  // namespace training

namespace training {

Inputs::Inputs(JobData& data, RoleSession& session, const std::vector<Host>& hosts, const std::vector<Channel>& channels,
               std::function<void()> on_failure)
    : data_(data), session_(session), on_failure_(std::move(on_failure)), read_(hosts.size()) {
    for (size_t host = 0; host < hosts.size(); ++host) {
        const auto has = [&](InputMode mode) {
            return static_cast<uint64_t>(std::ranges::count_if(
                channels, [&](const Channel& channel) { return channel.mode == mode && has_channel(channel, host); }));
        };
        // Mounts share theirs and give up what others need; a stream's is its own.
        const uint64_t pipes = has(InputMode::pipe);
        const uint64_t parts = pipes + (has(InputMode::fast_file) > 0 ? 1 : 0);
        const uint64_t part = hosts[host].memory_bytes / std::max<uint64_t>(parts, 1);
        workers_.push_back(hosts[host].folder);
        mounts_memory_.push_back(std::make_unique<InputMemory>(std::max(part, mounts_memory_least), hosts[host].files_open_max));
        pipe_memory_.push_back(part);
    }
}

Inputs::~Inputs() {
    if (mounts_.empty() && pipes_.empty()) return;
    mounts_.clear();
    pipes_.clear();
    mounts_memory_.clear();
    // Pieces of a megabyte stay with the allocator when they are freed, in as many heaps as there were threads that read.
    (void)::malloc_trim(0);
}

base::Result<void> Inputs::count_names(size_t more) {
    names_ += more;
    if (names_ <= mounted_objects_max) return {};
    return base::fail(base::code::ClientError, "Data download failed:the FastFile and Pipe channels of a job may have " +
                                                   std::to_string(mounted_objects_max) + " objects together. Use File.");
}

base::Result<void> Inputs::open(const Channel& channel, Transfer& transfer) {
    if (channel.mode == InputMode::file) return transfer.download_channel(channel, workers_);
    const auto hosts = hosts_of(channel, workers_.size());
    if (channel.mode == InputMode::fast_file) {
        auto objects = TRY(objects_of(data_, session_, channel, true));
        TRY(count_names(objects.size()));
        std::shared_ptr<const FastFileNames> names;
        for (size_t seat = 0; seat < hosts.size(); ++seat) {
            const size_t host = hosts[seat];
            if (channel.sharded || !names) {  // Otherwise all have the same.
                std::vector<ChannelObject> share;
                for (size_t place : share_of(channel, objects.size(), seat, hosts.size())) share.push_back(objects[place]);
                names = TRY(names_of(std::move(share)));
            }
            mounts_.push_back(TRY(FastFileMount::mount(data_, session_, names, workers_[host] + "/ml/input/data/" + channel.name,
                                                       *mounts_memory_[host], &read_[host])));
        }
        return {};
    }
    auto samples = std::make_shared<const std::vector<Sample>>(TRY(samples_of(data_, session_, channel)));
    TRY(count_names(samples->size()));
    for (size_t seat = 0; seat < hosts.size(); ++seat) {
        pipes_.push_back(TRY(Pipe::start({.data = &data_,
                                          .session = &session_,
                                          .channel = channel,
                                          .samples = samples,
                                          .worker = workers_[hosts[seat]],
                                          .host = seat,
                                          .hosts = hosts.size(),
                                          .bytes_read = &read_[hosts[seat]],
                                          .memory_bytes = pipe_memory_[hosts[seat]],
                                          .on_failure = [this](base::Error error) { broke(std::move(error)); }})));
    }
    return {};
}

void Inputs::broke(base::Error error) {
    {
        base::Lock lock(mutex_);
        if (failure_) return;
        failure_ = std::move(error);
    }
    on_failure_();
}

std::optional<base::Error> Inputs::failure() const {
    base::Lock lock(mutex_);
    return failure_;
}

}  // namespace training
