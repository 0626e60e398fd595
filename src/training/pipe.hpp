// Pipe input: a channel streamed through named pipes, one an epoch, `<channel>_0`, `<channel>_1`, …
//
// Sources: SageMaker Developer Guide, "Access Training Data", "Use Your Own Training Algorithms" (Pipe mode: /opt/ml/input/data/
// <channel>_<epoch>); Apache MXNet, "Designing Efficient Data Loaders" (RecordIO).
//
// The pipe of an epoch waits for its reader; the next epoch's is there before this one ends, so a reader that has seen the end of
// one can open the next at once. A reader that closes early gets the next epoch whole. Objects are read in pieces, several ahead
// of the reader; an object that was replaced since the job began is an error, never a mixture.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "training/channel.hpp"

namespace training {

// A record's header and what follows its payload: magic, length, payload, zeros up to a multiple of four. Payloads are shorter
// than 512 MiB: the format's length has 29 bits.
constexpr uint64_t recordio_payload_max = (1ULL << 29) - 1;
[[nodiscard]] std::string recordio_header(uint64_t size);
[[nodiscard]] std::string recordio_padding(uint64_t size);

class Pipe {
public:
    struct Dependencies {
        JobData* data = nullptr;
        RoleSession* session = nullptr;
        Channel channel;
        std::shared_ptr<const std::vector<Sample>> samples;
        std::string worker;  // WORKER, the host's folder
        size_t host = 0, hosts = 1;
        std::atomic<uint64_t>* bytes_read = nullptr;
        uint64_t memory_bytes = 64ULL << 20;  // what it may hold, of what it reads ahead and of what it unpacks
        // Called once, from the pipe's thread, when the stream cannot go on. The reader gets no end of file: half a data set
        // must not look like a whole one.
        std::function<void(base::Error)> on_failure;
    };
    // Makes the first pipe and starts to wait for its reader.
    [[nodiscard]] static base::Result<std::unique_ptr<Pipe>> start(Dependencies dependencies);
    ~Pipe();  // ends the stream, wherever it is

private:
    explicit Pipe(Dependencies dependencies) : dependencies_(std::move(dependencies)) {}
    void run();
    [[nodiscard]] base::Result<void> epoch(size_t number);
    [[nodiscard]] base::Result<void> send(std::string_view bytes);
    [[nodiscard]] std::string path_of(size_t epoch) const;

    friend class SampleStream;
    Dependencies dependencies_;
    os::Descriptor next_;    // O_PATH descriptor of the pipe that waits
    os::Descriptor output_;  // the pipe that is read now
    os::Descriptor held_;    // after a failure: kept open
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace training
