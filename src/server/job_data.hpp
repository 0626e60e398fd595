// How training jobs move bytes: S3 over the wire, to our own port, signed with the job's session. So every byte of every job
// passes the gate and its audit like any other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "training/job_data.hpp"
#include "wire/client.hpp"

namespace server {

class WireJobData final : public training::JobData {
public:
    // Where the server answers: a name for it, and the Unix socket behind; known once it listens, before the first job.
    void set_endpoint(std::string endpoint, std::string region, std::string socket);

    [[nodiscard]] base::Result<std::vector<training::DataObject>> list(const identity::Credentials& credentials,
                                                                       const training::S3Uri& prefix, size_t limit) override;
    [[nodiscard]] base::Result<void> download(const identity::Credentials& credentials, const training::S3Uri& object,
                                              const std::string& etag, const std::string& path,
                                              const training::Cancelled& cancelled) override;
    [[nodiscard]] base::Result<std::unique_ptr<training::Upload>> upload(training::CredentialsSource credentials,
                                                                         const training::S3Uri& object,
                                                                         training::Cancelled cancelled) override;
    [[nodiscard]] base::Result<void> remove(const identity::Credentials& credentials, const training::S3Uri& object) override;
    [[nodiscard]] base::Result<training::DataObject> stat(const identity::Credentials& credentials,
                                                          const training::S3Uri& object) override;
    [[nodiscard]] base::Result<std::string> read(const identity::Credentials& credentials, const training::S3Uri& object,
                                                 const std::string& etag, uint64_t offset, uint64_t size) override;

private:
    // A client that keeps its connection, for one call at a time.
    struct Lent {
        std::string access_key_id;
        std::unique_ptr<wire::Client> client;
    };
    [[nodiscard]] base::Result<wire::S3Answer> call(const identity::Credentials& credentials, const wire::S3Call& call);
    // Again while something is in the way. For calls without a sink.
    [[nodiscard]] base::Result<wire::S3Answer> insist(const identity::Credentials& credentials, const wire::S3Call& call);
    friend class WireUpload;

    base::Mutex mutex_;
    std::string endpoint_ GUARDED_BY(mutex_), region_ GUARDED_BY(mutex_), socket_ GUARDED_BY(mutex_);
    std::vector<Lent> idle_ GUARDED_BY(mutex_);
};

}  // namespace server
