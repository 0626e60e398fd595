#include "training/transfer.hpp"

#include <unistd.h>

#include <filesystem>

#include "base/log.hpp"
#include "training/archive.hpp"
#include "training/beneath.hpp"
#include "training/channel.hpp"
#include "training/fastfile.hpp"
#include "training/limits.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds checkpoint_interval{2};

std::unexpected<base::Error> client_error(std::string message) { return base::fail("ClientError", std::move(message)); }

base::Result<void> make_parent(const std::string& path) {
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    if (error) return client_error("Data download failed:cannot make the folder of " + path + ": " + error.message());
    return {};
}

// Removes a scratch file when the block ends, however it ends.
struct ScratchFile {
    std::string path;
    ~ScratchFile() { ::unlink(path.c_str()); }
};

}  // namespace

base::Result<identity::Credentials> Transfer::credentials() {
    if (cancelled_.load()) return base::fail("Cancelled", "the job was stopped");
    return credentials_of(session_);
}

base::Result<void> Transfer::check_channel(const Channel& channel, const std::string& region) {
    if (channel.mode == InputMode::fast_file && !fast_file_available()) {
        return base::fail("ValidationException", "FastFile input (in channel " + channel.name +
                                                     ") is not available on this server: it needs /dev/fuse, and root or "
                                                     "fusermount3. Use File or Pipe.");
    }
    auto found = data_.list(TRY(credentials()), listed_prefix(channel), 1);
    if (found && !found->empty()) return {};
    auto refusal =
        base::fail("ValidationException", "No S3 objects found under S3 URL \"" + channel.source.text() +
                                              "\" given in input data source. Please ensure that the bucket "
                                              "exists in the selected region (" +
                                              region + "), that objects exist under that S3 prefix, and that the role \"" +
                                              session_.role_arn() + "\" has \"s3:ListBucket\" permissions on bucket \"" +
                                              channel.source.bucket + "\".");
    if (!found) refusal.error().notes.push_back("S3 answered the role " + reason(found.error()));
    return refusal;
}

base::Result<void> Transfer::download(const S3Uri& object, const std::string& path) {
    TRY(make_parent(path));
    auto done = data_.download(TRY(credentials()), object, path);
    if (!done)
        return client_error("Data download failed:Unable to download object " + object.text() + " " + reason(done.error()));
    return {};
}

base::Result<void> Transfer::download_channel(const Channel& channel, const std::vector<std::string>& workers) {
    auto objects = TRY(objects_of(data_, session_, channel, false));
    std::string below = "/ml/input/data/" + channel.name + "/";
    const auto hosts = hosts_of(channel, workers.size());
    for (size_t seat = 0; seat < hosts.size(); ++seat) {
        for (size_t place : share_of(channel, objects.size(), seat, hosts.size())) {
            const auto& object = objects[place];
            std::string path = workers[hosts[seat]] + below + object.name;
            // Every host of a replicated channel gets a copy of its own; S3 is asked once.
            if (seat > 0 && !channel.sharded) {
                TRY(make_parent(path));
                std::error_code error;
                fs::copy_file(workers[hosts[0]] + below + object.name, path, error);
                if (error) return client_error("Data download failed:" + error.message());
                continue;
            }
            TRY(download(object.where, path));
        }
    }
    return {};
}

base::Result<void> Transfer::download_source(const S3Uri& archive, const std::vector<std::string>& workers) {
    ScratchFile file{scratch_ + "/sourcedir.tar.gz"};
    TRY(download(archive, file.path));
    for (const auto& worker : workers) {
        auto done = unpack(file.path, worker + "/ml/code");
        if (!done) return client_error("The source " + archive.text() + " cannot be unpacked: " + done.error().message);
    }
    return {};
}

base::Result<void> Transfer::restore_checkpoints(const S3Uri& prefix, const std::vector<std::string>& workers) {
    Channel channel;
    channel.source = prefix;
    auto found = data_.list(TRY(credentials()), prefix, objects_per_channel_max);
    if (!found) {
        return client_error("Data download failed:Unable to list checkpoints under " + prefix.text() + " " +
                            reason(found.error()));
    }
    for (const auto& object : *found) {
        if (object.key.ends_with('/')) continue;
        auto name = local_name(prefix.key, object.key);
        if (!name) return client_error("Data download failed:" + name.error().message);
        for (const auto& worker : workers) TRY(download({prefix.bucket, object.key}, worker + "/ml/checkpoints/" + *name));
    }
    return {};
}

base::Result<void> Transfer::upload_file(const std::string& path, const S3Uri& object) {
    auto done = data_.upload(TRY(credentials()), path, object);
    if (!done) return client_error("Artifact upload failed:Unable to upload " + object.text() + " " + reason(done.error()));
    return {};
}

base::Result<std::vector<std::string>> Transfer::upload_folder(const std::vector<std::string>& workers, const std::string& folder,
                                                               const S3Uri& destination, bool compress) {
    std::vector<std::string> remarks;
    if (!compress) {
        for (const auto& worker : workers) {
            for (const auto& file : files_beneath(worker, "ml/" + folder)) {
                if (file.is_link) continue;
                ScratchFile copy{scratch_ + "/upload"};
                TRY(copy_beneath(worker, "ml/" + folder + "/" + file.path, copy.path));
                TRY(upload_file(copy.path, {destination.bucket, destination.key + "/" + file.path}));
            }
        }
        return remarks;
    }
    ScratchFile packed{scratch_ + "/upload.tar.gz"};
    auto done = pack(workers, "ml/" + folder, packed.path);
    if (!done) return client_error("Artifact upload failed:" + done.error().message);
    for (const auto& clash : done->clashes)
        remarks.push_back("more than one host wrote " + folder + "/" + clash + ": the first host's is kept");
    if (done->entries > 0) TRY(upload_file(packed.path, {destination.bucket, destination.key + ".tar.gz"}));
    return remarks;
}

CheckpointSync::CheckpointSync(JobData& data, RoleSession& session, S3Uri prefix, std::vector<std::string> workers)
    : data_(data), session_(session), prefix_(std::move(prefix)), workers_(std::move(workers)) {
    while (prefix_.key.ends_with('/')) prefix_.key.pop_back();
    // What was restored is in S3 already.
    for (const auto& worker : workers_) {
        for (const auto& file : files_beneath(worker, "ml/checkpoints")) {
            seen_[worker + "/" + file.path] = {file.modified, file.size, true};
        }
    }
    thread_ = std::thread([this] { run(); });
}

CheckpointSync::~CheckpointSync() { (void)finish(); }

void CheckpointSync::run() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, checkpoint_interval, [this] { return stop_; })) {
        lock.unlock();
        round(false);
        lock.lock();
    }
}

base::Result<void> CheckpointSync::finish() {
    if (!thread_.joinable()) return outcome_;
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
    outcome_ = {};
    round(true);
    return outcome_;
}

// A file is uploaded once it has not changed between two rounds: scripts write checkpoints in place.
void CheckpointSync::round(bool last) {
    for (const auto& worker : workers_) {
        for (const auto& file : files_beneath(worker, "ml/checkpoints")) {
            if (file.is_link) continue;
            Seen now{file.modified, file.size, false};
            Seen& before = seen_[worker + "/" + file.path];
            bool same = before.modified == now.modified && before.size == now.size;
            if (same && before.uploaded) continue;
            if (same || last) {
                upload(worker, file.path);
                now.uploaded = outcome_.has_value();
            }
            before = now;
        }
    }
}

void CheckpointSync::upload(const std::string& worker, const std::string& path) {
    auto failed = [&](base::Error error) {
        base::log_warn("the checkpoint " + path + " was not uploaded: " + error.describe());
        outcome_ = base::fail(std::move(error));
    };
    auto credentials = session_.current();
    if (!credentials) return failed(std::move(credentials).error());
    ScratchFile copy{worker + "/checkpoint.upload"};
    if (auto copied = copy_beneath(worker, "ml/checkpoints/" + path, copy.path); !copied) {
        if (copied.error().code == "NotAFile") return;  // Replaced or removed meanwhile: the next round sees.
        return failed(std::move(copied).error());
    }
    auto done = data_.upload(*credentials, copy.path, {prefix_.bucket, prefix_.key + (prefix_.key.empty() ? "" : "/") + path});
    if (!done) return failed(std::move(done).error());
    outcome_ = {};
}

}  // namespace training
