// The data mover: channels in, source in, checkpoints in, artifacts out. Always as the job's role. (Checkpoints out:
// checkpoints.hpp.)
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "training/job.hpp"
#include "training/job_data.hpp"
#include "training/limits.hpp"
#include "training/plan.hpp"
#include "training/session.hpp"

namespace training {

// What became of a folder that was to be uploaded.
struct UploadedFolder {
    std::vector<std::string> remarks;  // for the job's log
    std::vector<std::string> missing;  // files that are not in the bucket, and why
};

class Transfer {
public:
    // `cancelled` is asked while bytes move; of one archive, or of single objects together, `artifact_bytes_max` are uploaded.
    Transfer(JobData& data, RoleSession& session, Cancelled cancelled, uint64_t artifact_bytes_max = Limits{}.artifact_bytes_max)
        : data_(data), session_(session), cancelled_(std::move(cancelled)), artifact_bytes_max_(artifact_bytes_max) {}

    // At create time. Errors: AWS's ValidationException.
    // Can this server bring such a channel to the workers?
    [[nodiscard]] static base::Result<void> check_mode(const Channel& channel);
    // Is there anything in the channel that the role can see?
    [[nodiscard]] base::Result<void> check_channel(const Channel& channel, const std::string& region);
    // What AWS says if there is not, whatever the reason (`why`, if known, is for the log).
    [[nodiscard]] std::unexpected<base::Error> no_objects(const Channel& channel, const std::string& region,
                                                          const base::Error* why);

    // Errors of all: `ClientError` with the FailureReason's text; `Cancelled`.
    // Into WORKER/ml/input/data/<channel> of each host, by the channel's distribution. `objects`: the channel's, in order.
    [[nodiscard]] base::Result<void> download_channel(const Channel& channel, const std::vector<std::string>& workers);
    // sourcedir.tar.gz into WORKER/ml/code of each host, if it is the one that the job was created with (source.hpp).
    [[nodiscard]] base::Result<void> download_source(const S3Uri& archive, PinnedSource& source,
                                                     const std::vector<std::string>& workers);
    // What an earlier job left at the checkpoint prefix, into WORKER/ml/checkpoints of each host.
    [[nodiscard]] base::Result<void> restore_checkpoints(const S3Uri& prefix, const std::vector<std::string>& workers);

    // The files of every host's ml/<folder> as `destination`.tar.gz, or as single objects below `destination`/. Nothing if there
    // are none. One file that cannot be uploaded does not keep the others back.
    [[nodiscard]] base::Result<UploadedFolder> upload_folder(const std::vector<std::string>& workers, const std::string& folder,
                                                             const S3Uri& destination, bool compress);

private:
    [[nodiscard]] base::Result<void> download(const S3Uri& object, const std::string& etag, const std::string& path);
    [[nodiscard]] base::Result<std::unique_ptr<Upload>> begin_upload(const S3Uri& object);
    [[nodiscard]] base::Result<void> upload_file(int descriptor, const S3Uri& object);
    [[nodiscard]] base::Result<UploadedFolder> upload_files(const std::vector<std::string>& workers, const std::string& folder,
                                                            const S3Uri& destination);
    [[nodiscard]] base::Result<UploadedFolder> upload_archive(const std::vector<std::string>& workers, const std::string& folder,
                                                              const S3Uri& destination);
    [[nodiscard]] base::Result<identity::Credentials> credentials();

    JobData& data_;
    RoleSession& session_;
    Cancelled cancelled_;
    uint64_t artifact_bytes_max_;
};

// Sends an open file's bytes, from its beginning; the upload is still to be finished.
[[nodiscard]] base::Result<void> send_file(int descriptor, Upload& upload);

// An object's key for a file's name: bytes that are not UTF-8, which S3 does not take, as %XX.
[[nodiscard]] std::string key_name(const std::string& path);

}  // namespace training
