#include "training/transfer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "sandbox/volume.hpp"
#include "training/archive.hpp"
#include "training/channel.hpp"
#include "training/fastfile.hpp"
#include "training/limits.hpp"
#include "training/logs.hpp"
#include "training/openat_beneath.hpp"
#include "training/server_trouble.hpp"
#include "training/source.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

constexpr size_t key_bytes_max = 1024;  // S3's
constexpr size_t piece_bytes = 1 << 20;

std::unexpected<base::Error> client_error(std::string message) { return base::fail(base::code::ClientError, std::move(message)); }

// AWS's words, and what did not fit.
std::unexpected<base::Error> no_space(const std::string& what) {
    return client_error("Data download failed:Insufficient disk space for " + what +
                        ". Please use a larger volume (VolumeSizeInGB).");
}

base::Result<void> make_parent(const std::string& path) {
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    if (error == std::errc::no_space_on_device) return no_space("the folders of the data");
    if (error) return client_error("Data download failed:cannot make the folder of " + path + ": " + error.message());
    return {};
}

// Removes a scratch file when the block ends, however it ends.
struct ScratchFile {
    std::string path;
    ~ScratchFile() { ::unlink(path.c_str()); }
};

std::unexpected<base::Error> stopped() { return base::fail(base::code::Cancelled, "the job was stopped"); }

// A limit's error names what was over it; where bytes move, stopping is the only one that is not the client's.
std::unexpected<base::Error> as_client_error(const std::string& what, base::Error error) {
    if (error.code == base::code::Cancelled) return base::fail(std::move(error));
    return client_error(what + " " + reason(error));
}

base::Result<std::string> sha256_of(const std::string& path, const Cancelled& cancelled) {
    const os::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    crypto::Digest digest(crypto::DigestKind::sha256);
    std::string buffer(piece_bytes, '\0');
    for (;;) {
        if (cancelled()) return stopped();
        const ssize_t count = ::read(file.number(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return client_error("Data download failed:cannot read a file again: " + std::string(std::strerror(errno)));
        if (count == 0) return crypto::hex(digest.finish());
        digest.update(std::string_view(buffer).substr(0, static_cast<size_t>(count)));
    }
}

}  // namespace

base::Result<void> send_file(int descriptor, Upload& upload) {
    std::string buffer(piece_bytes, '\0');
    for (off_t at = 0;;) {
        const ssize_t count = ::pread(descriptor, buffer.data(), buffer.size(), at);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return base::fail(base::code::InternalError, std::string("cannot read a file: ") + std::strerror(errno));
        if (count == 0) return {};
        TRY(upload.write(std::string_view(buffer).substr(0, static_cast<size_t>(count))));
        at += count;
    }
}

std::string key_name(const std::string& path) {
    if (valid_utf8(path) == path) return path;
    constexpr const char* digits = "0123456789ABCDEF";
    std::string key;
    for (char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            key += c;
        } else {
            key += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return key;
}

base::Result<identity::Credentials> Transfer::credentials() {
    if (cancelled_()) return stopped();
    return credentials_of(session_);
}

base::Result<void> Transfer::check_mode(const Channel& channel) {
    if (channel.mode != InputMode::fast_file || fast_file_available()) return {};
    return base::fail(base::code::ValidationException, "FastFile input (in channel " + channel.name +
                                                           ") is not available on this server: it needs /dev/fuse, and root or "
                                                           "a fusermount3 that may use it. Use File or Pipe.");
}

base::Result<void> Transfer::check_channel(const Channel& channel, const std::string& region) {
    const auto found = data_.list(TRY(credentials()), listed_prefix(channel), 1);
    if (found && !found->empty()) return {};
    return no_objects(channel, region, found ? nullptr : &found.error());
}

std::unexpected<base::Error> Transfer::no_objects(const Channel& channel, const std::string& region, const base::Error* why) {
    if (why != nullptr && is_server_trouble(*why)) return base::fail(*why);
    auto refusal =
        base::fail(base::code::ValidationException,
                   "No S3 objects found under S3 URL \"" + channel.source.text() +
                       "\" given in input data source. Please ensure that the bucket "
                       "exists in the selected region (" +
                       region + "), that objects exist under that S3 prefix, and that the role \"" + session_.role_arn() +
                       "\" has \"s3:ListBucket\" permissions on bucket \"" + channel.source.bucket + "\".");
    if (why != nullptr) refusal.error().notes.push_back("S3 answered the role " + reason(*why));
    return refusal;
}

base::Result<void> Transfer::download(const S3Uri& object, const std::string& etag, const std::string& path) {
    TRY(make_parent(path));
    auto done = data_.download(TRY(credentials()), object, etag, path, cancelled_);
    if (done) return {};
    if (done.error().code == base::code::PreconditionFailed) return source_changed(object.text());
    if (done.error().code == sandbox::disk_full) return no_space(object.text());
    return as_client_error("Data download failed:Unable to download object " + object.text(), std::move(done).error());
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
                auto copied =
                    copy_beneath(workers[hosts[0]], "ml/input/data/" + channel.name + "/" + object.name, path, cancelled_);
                if (!copied && copied.error().code == base::code::Cancelled) return copied;
                if (!copied && copied.error().code == sandbox::disk_full) return no_space(object.where.text());
                if (!copied) return client_error("Data download failed:" + copied.error().message);
                if (::chmod(path.c_str(), 0644) != 0)
                    return client_error("Data download failed:" + std::string(std::strerror(errno)));
                continue;
            }
            TRY(download(object.where, channel.pin.empty() ? "" : object.etag, path));
        }
    }
    return {};
}

base::Result<void> Transfer::download_source(const S3Uri& archive, PinnedSource& source,
                                             const std::vector<std::string>& workers) {
    // On the first worker's volume, of which the worker sees other folders alone.
    ScratchFile file{workers.front() + "/sourcedir.tar.gz"};
    TRY(download(archive, source.etag, file.path));
    const std::string digest = TRY(sha256_of(file.path, cancelled_));
    if (source.sha256.empty()) source.sha256 = digest;
    if (source.sha256 != digest) return source_changed(archive.text());
    for (const auto& worker : workers) {
        auto done = unpack(file.path, worker + "/ml/code", cancelled_);
        if (!done && done.error().code == base::code::Cancelled) return done;
        if (!done && sandbox::volume_is_full(worker)) return no_space(archive.text() + ", unpacked");
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
        for (const auto& worker : workers)
            TRY(download({prefix.bucket, object.key}, object.etag, worker + "/ml/checkpoints/" + *name));
    }
    return {};
}

base::Result<std::unique_ptr<Upload>> Transfer::begin_upload(const S3Uri& object) {
    return data_.upload([this] { return credentials_of(session_); }, object, cancelled_);
}

base::Result<void> Transfer::upload_file(int descriptor, const S3Uri& object) {
    auto upload = TRY(begin_upload(object));
    TRY(send_file(descriptor, *upload));
    return upload->finish();
}

base::Result<UploadedFolder> Transfer::upload_folder(const std::vector<std::string>& workers, const std::string& folder,
                                                     const S3Uri& destination, bool compress) {
    if (cancelled_()) return stopped();
    return compress ? upload_archive(workers, folder, destination) : upload_files(workers, folder, destination);
}

namespace {

void remember(std::vector<std::string>& list, std::string what) {
    if (list.size() < reported_files_max) list.push_back(std::move(what));
}

}  // namespace

base::Result<UploadedFolder> Transfer::upload_files(const std::vector<std::string>& workers, const std::string& folder,
                                                    const S3Uri& destination) {
    UploadedFolder uploaded;
    std::map<std::string, size_t> seen;
    uint64_t bytes = 0;
    for (size_t host = 0; host < workers.size(); ++host) {
        auto listing = files_beneath(workers[host], "ml/" + folder, cancelled_);
        if (cancelled_()) return stopped();
        for (const auto& name : listing.special)
            remember(uploaded.remarks, folder + "/" + name + " is not a regular file: not uploaded");
        for (auto& what : listing.unread) remember(uploaded.missing, folder + "/" + what);
        for (const auto& file : listing.files) {
            if (cancelled_()) return stopped();
            if (file.is_link || file.is_folder) continue;
            const std::string name = folder + "/" + file.path;
            if (!seen.try_emplace(file.path, host).second) {
                remember(uploaded.remarks, "more than one host wrote " + name + ": the first host's is kept");
                continue;
            }
            const std::string key = destination.key + "/" + key_name(file.path);
            if (key.size() > key_bytes_max) {
                remember(uploaded.missing, name.substr(0, 100) + "…: its key would be longer than 1024 bytes");
                continue;
            }
            if (file.size > artifact_bytes_max_ - bytes) {
                remember(uploaded.missing, name + ": with it there would be more than " + size_text(artifact_bytes_max_));
                continue;
            }
            bytes += file.size;
            auto opened = open_beneath(workers[host], "ml/" + name);
            if (!opened) {
                remember(uploaded.missing, name + " cannot be read");
                continue;
            }
            if (holes_of(opened->number(), file.size) > holes_bytes_max) {
                remember(uploaded.missing, name + " is sparse: an object would hold more than " +
                                               std::to_string(holes_bytes_max >> 30) + " GiB of zeros. Use CompressionType GZIP");
                continue;
            }
            if (auto sent = upload_file(opened->number(), {destination.bucket, key}); !sent) {
                return as_client_error("Artifact upload failed:Unable to upload s3://" + destination.bucket + "/" + key,
                                       std::move(sent).error());
            }
        }
    }
    return uploaded;
}

base::Result<UploadedFolder> Transfer::upload_archive(const std::vector<std::string>& workers, const std::string& folder,
                                                      const S3Uri& destination) {
    const S3Uri object{destination.bucket, destination.key + ".tar.gz"};
    auto failed = [&](base::Error error) {
        return as_client_error("Artifact upload failed:Unable to upload " + object.text(), std::move(error));
    };
    auto upload = begin_upload(object);
    if (!upload) return failed(std::move(upload).error());
    auto packed = pack(
        workers, "ml/" + folder, [&](std::string_view bytes) { return (*upload)->write(bytes); }, cancelled_,
        artifact_bytes_max_);
    if (!packed) return failed(std::move(packed).error());
    if (packed->entries > 0) {
        if (auto finished = (*upload)->finish(); !finished) return failed(std::move(finished).error());
    }
    UploadedFolder uploaded;
    for (const auto& clash : packed->clashes)
        uploaded.remarks.push_back("more than one host wrote " + folder + "/" + clash + ": the first host's is kept");
    for (const auto& name : packed->special)
        uploaded.remarks.push_back(folder + "/" + name + " is not a regular file: not packed");
    for (auto& what : packed->missing) uploaded.missing.push_back(folder + "/" + what);
    return uploaded;
}

}  // namespace training
