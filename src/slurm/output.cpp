#include "slurm/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "os/file.hpp"
#include "slurm/gateway.hpp"
#include "slurm/keep_alive.hpp"

namespace slurm {
namespace {

constexpr std::chrono::seconds patience{10};
constexpr size_t buffer_bytes = 16 * 1024;

class PipedOutput final : public Output {
public:
    explicit PipedOutput(os::Pipe pipe) : reader_(std::move(pipe.read)), writer_(std::move(pipe.write)) {
        ::fcntl(reader_.number(), F_SETFL, O_NONBLOCK);
    }
    ~PipedOutput() override {
        reader_.close();  // if nobody has it
        std::thread carrier;
        {
            const base::Lock lock(mutex_);
            if (stream_) stream_->shutdown_both();
            carrier = std::move(carrier_);
        }
        if (carrier.joinable()) carrier.join();
    }
    os::Descriptor take_reader() override { return std::move(reader_); }

    void take(net::Stream stream) override {
        const base::Lock lock(mutex_);
        if (carrier_.joinable()) return;
        stream_ = std::make_shared<net::Stream>(std::move(stream));
        try {
            carrier_ = std::thread([this, taken = stream_] { carry(*taken); });
        } catch (const std::system_error& error) {
            base::log_warn(std::string("no thread for what a worker writes: ") + error.what());
            stream_.reset();
        }
    }

private:
    // Of the stream the destructor only shuts the socket down.
    void carry(net::Stream& stream) {
        stream.set_timeout(std::chrono::seconds(0));
        std::string buffer(buffer_bytes, '\0');
        bool goes_on = stream.write_all("\n").has_value();
        while (goes_on) {
            const auto got = stream.read_some(buffer);
            goes_on = got && *got > 0 && os::write_all(writer_.number(), {buffer.data(), *got}, "pipe").has_value();
        }
        writer_.close();
        stream.shutdown_write();
    }

    os::Descriptor reader_, writer_;
    base::Mutex mutex_;
    std::shared_ptr<net::Stream> stream_ GUARDED_BY(mutex_);
    std::thread carrier_ GUARDED_BY(mutex_);
};

}  // namespace

base::Result<std::unique_ptr<Output>> Output::make() { return std::make_unique<PipedOutput>(TRY(os::make_pipe())); }

base::Result<OutputSender> OutputSender::open(const net::PeerTlsClient& client, const std::string& address, uint16_t port) {
    auto stream = TRY(client.connect(address, port, std::string(output_protocol), patience));
    stream.set_timeout(patience);
    std::string byte(1, '\0');
    if (TRY(stream.read_some(byte)) != 1)
        return base::fail(base::code::ConnectionClosed, "the server does not take what workers write");
    stream.set_timeout(std::chrono::seconds(0));
    keep_alive(stream);
    return OutputSender(std::move(stream));
}

bool OutputSender::write(std::string_view text) { return stream_.write_all(text).has_value(); }

void OutputSender::finish() {
    if (!stream_.is_open()) return;
    pollfd room{stream_.number(), POLLOUT, 0};
    if (::poll(&room, 1, std::chrono::milliseconds(patience).count()) <= 0) return;
    stream_.shutdown_write();
    stream_.set_timeout(patience);
    std::string rest(1, '\0');
    while (stream_.read_some(rest).value_or(0) > 0) {
    }
}

}  // namespace slurm
