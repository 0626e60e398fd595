#include "server/opened_source.hpp"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>

#include "base/error_codes.hpp"
#include "cli/data_paths.hpp"
#include "model/trainwarden/operations.hpp"
#include "os/file.hpp"
#include "server/audit_key.hpp"
#include "text/json.hpp"

namespace server {
namespace {

namespace m = model::trainwarden;
constexpr std::chrono::seconds between_renewals{10};
constexpr int snapshot_seconds_max = 600;  // of a store with a great many files

}  // namespace

base::Result<std::unique_ptr<wire::Client>> client_of_folder(const std::string& data, os::Descriptor* lock) {
    if (!std::filesystem::exists(data + "/installation"))
        return base::fail(
            base::Error(base::code::NoServer, "`" + data + "` is no server's data folder").note("name it with --data"));
    auto file = os::open_file(data + "/lock", O_RDWR | O_CREAT);
    if (!file) return base::fail(base::code::DataFolderUnusable, file.error().message);
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(file->number(), lock != nullptr ? F_SETLK : F_GETLK, &whole) == 0 &&
        (lock != nullptr || whole.l_type == F_UNLCK)) {
        if (lock != nullptr) *lock = std::move(*file);
        return std::unique_ptr<wire::Client>();
    }
    TRY(cli::act_as_operator(data));
    auto options = TRY(wire::options_from_environment());
    options.timeout_seconds = snapshot_seconds_max;
    return std::make_unique<wire::Client>(std::move(options));
}

base::Result<std::unique_ptr<OpenedSource>> OpenedSource::open(const std::string& data) {
    std::unique_ptr<OpenedSource> opened(new OpenedSource);
    opened->client_ = TRY(client_of_folder(data, &opened->lock_));
    if (!opened->client_) {
        text::Json heads;
        if (const auto key_file = audit_key_file_of(data))
            if (const auto text = os::read_file(*key_file + ".head"))
                if (auto read = text::parse_json(*text)) heads = std::move(*read);
        opened->source_ =
            admin::source_of_folder(std::filesystem::canonical(data).string(), base::SystemClock().now(), std::move(heads));
        return opened;
    }
    const auto made = TRY(opened->client_->call<m::StartSnapshot>({}));
    opened->snapshot_ = made.snapshot_id;
    opened->renewer_ = std::thread([one = opened.get()] { one->renew_until_the_end(); });
    opened->source_ = TRY(admin::source_of_snapshot(std::filesystem::canonical(data).string(), made.path));
    return opened;
}

OpenedSource::~OpenedSource() {
    {
        const base::Lock lock(mutex_);
        ends_ = true;
    }
    ending_.notify_all();
    if (renewer_.joinable()) renewer_.join();
    // Whatever it says: a snapshot that is not ended ends by itself.
    if (client_ && !snapshot_.empty()) (void)client_->call<m::EndSnapshot>({.snapshot_id = snapshot_});
}

void OpenedSource::renew_until_the_end() {
    for (;;) {
        {
            base::Lock lock(mutex_);
            ending_.wait_for(mutex_, between_renewals, [this]() REQUIRES(mutex_) { return ends_; });
            if (ends_) return;
        }
        const auto renewed = client_->call<m::RenewSnapshot>({.snapshot_id = snapshot_});
        if (!renewed && renewed.error().code == base::code::NoSuchSnapshot) is_lost_ = true;
        // A server that cannot be reached has ended: what it was to keep goes with its next start.
        if (!renewed && renewed.error().code == base::code::ConnectionRefused) is_lost_ = true;
        if (is_lost_) return;
    }
}

base::Result<void> OpenedSource::go_on() const {
    if (!is_lost_) return {};
    return base::fail(base::Error(base::code::NoSuchSnapshot, "the server does not keep the snapshot any more that is being read")
                          .note("it was stopped, or this program for longer than a minute: begin again"));
}

std::string audit_public_keys_of(const std::string& data) {
    const auto key_file = audit_key_file_of(data);
    if (!key_file) return "";
    std::string keys;
    for (const char* suffix : {".pub", ".former.pub"})
        if (const auto pem = os::read_file(*key_file + suffix)) keys += *pem;
    return keys;
}

}  // namespace server
