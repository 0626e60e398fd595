// FastFile input: a channel as a read-only folder whose files are read from S3 when the script reads them.
//
// Source: SageMaker Developer Guide, "Access Training Data" (fast file mode). A FUSE file system, served by this process with the
// role's credentials: the worker needs none. Names and sizes are those of the moment when the job began; contents are pinned by
// ETag, so a file that is replaced meanwhile gives EIO, never a mixture of two.
//
// A file that is read in order is fetched in ever larger ranges, ahead of the reader; a random read fetches what it asks for.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "training/channel.hpp"
#include "training/input_memory.hpp"

namespace training {

// Can this server mount them? Tried once: it takes /dev/fuse, and root or a fusermount3 that may use it.
[[nodiscard]] bool fast_file_available();

// The names of a channel's objects as a tree of folders: made once, for all workers that get the same objects.
class FastFileNames;
// The names of `objects` are paths below the folder. Error `ClientError`: they are not those of a file system.
[[nodiscard]] base::Result<std::shared_ptr<const FastFileNames>> names_of(std::vector<ChannelObject> objects);

class FastFileMount {
public:
    // On `folder`, which exists. `memory`: the worker's, which outlives this. Error `InternalError`.
    [[nodiscard]] static base::Result<std::unique_ptr<FastFileMount>> mount(JobData& data, RoleSession& session,
                                                                            std::shared_ptr<const FastFileNames> names,
                                                                            const std::string& folder, InputMemory& memory,
                                                                            std::atomic<uint64_t>* bytes_read);
    // Unmounts, even while files are open there.
    ~FastFileMount();

    struct State;

private:
    explicit FastFileMount(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Unmounts whatever a server that was killed left mounted at or below the folder.
void unmount_below(const std::string& folder);

}  // namespace training
