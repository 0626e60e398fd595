#include "admin/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "os/file.hpp"

namespace admin {
namespace {

namespace fs = std::filesystem;
constexpr size_t piece_bytes = 1u << 20;

std::unexpected<base::Error> failed(const char* what, const std::string& path) {
    return base::fail(os::file_error(what, path, errno));
}

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

// Up to `bytes` of the file, in pieces. How many there were.
base::Result<uint64_t> read_pieces(int file, const std::string& path, uint64_t bytes,
                                   const std::function<base::Result<void>(std::string_view)>& take) {
    const auto buffer = std::make_unique_for_overwrite<char[]>(piece_bytes);
    uint64_t at = 0;
    while (at < bytes) {
        const ssize_t got = ::pread(file, buffer.get(), std::min<uint64_t>(piece_bytes, bytes - at), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("read", path);
        if (got == 0) break;
        TRY(take({buffer.get(), static_cast<size_t>(got)}));
        at += static_cast<uint64_t>(got);
    }
    return at;
}

}  // namespace

base::Result<Copied> copy_file(const std::string& from, const std::string& to, const CopyOptions& options) {
    const auto source = TRY(os::open_file(from, O_RDONLY | O_NOFOLLOW));
    struct stat facts{};
    if (::fstat(source.number(), &facts) != 0) return failed("read", from);
    const auto size = static_cast<uint64_t>(facts.st_size);
    const uint64_t wanted = options.bytes.value_or(size);
    if (wanted > size)
        return base::fail(base::code::FileError, "`" + from + "` has " + std::to_string(size) + " bytes, and " +
                                                     std::to_string(wanted) + " were written to it");
    Copied out{.bytes = wanted, .modified = nanoseconds(facts.st_mtim), .sha256 = {}, .linked = false};
    out.linked = options.may_link && wanted == size && ::link(from.c_str(), to.c_str()) == 0;
    os::Descriptor target;
    if (!out.linked) target = TRY(os::open_file(to, O_WRONLY | O_CREAT | O_EXCL));
    if (out.linked && !options.digest) return out;
    crypto::Digest digest(crypto::DigestKind::sha256);
    const uint64_t read = TRY(read_pieces(source.number(), from, wanted, [&](std::string_view piece) -> base::Result<void> {
        if (options.digest) digest.update(piece);
        if (out.linked) return {};
        return os::write_all(target.number(), piece, to);
    }));
    if (read != wanted) return base::fail(base::code::FileError, "`" + from + "` became shorter while it was copied");
    if (options.digest) out.sha256 = crypto::hex(digest.finish());
    return out;
}

base::Result<std::string> sha256_of_file(const std::string& path) {
    const auto file = TRY(os::open_file(path, O_RDONLY | O_NOFOLLOW));
    crypto::Digest digest(crypto::DigestKind::sha256);
    TRY(read_pieces(file.number(), path, UINT64_MAX, [&](std::string_view piece) -> base::Result<void> {
        digest.update(piece);
        return {};
    }));
    return crypto::hex(digest.finish());
}

std::optional<FileFacts> facts_of(const std::string& path) {
    struct stat facts{};
    if (::lstat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
    return FileFacts{static_cast<uint64_t>(facts.st_size), nanoseconds(facts.st_mtim)};
}

base::Result<std::vector<std::string>> files_below(const std::string& folder) {
    std::vector<std::string> found;
    std::error_code error;
    if (!fs::exists(folder, error)) return found;
    for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        std::error_code gone;  // a file that is removed meanwhile is not there
        if (at->is_regular_file(gone) && !at->is_symlink(gone)) found.push_back(at->path().lexically_relative(folder).string());
    }
    if (error) return base::fail(base::code::FileError, "cannot list `" + folder + "`: " + error.message());
    std::ranges::sort(found);
    return found;
}

base::Result<void> sync_all(const std::string& folder) {
    const auto file = TRY(os::open_file(folder, O_RDONLY | O_DIRECTORY));
    if (::syncfs(file.number()) != 0) return failed("sync", folder);
    return {};
}

base::Result<void> remove_tree(const std::string& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) return base::fail(base::code::FileError, "cannot remove `" + path + "`: " + error.message());
    return {};
}

base::Result<void> make_private_folder(const std::string& path) {
    TRY(os::make_folders(path));
    if (::chmod(path.c_str(), 0700) != 0) return failed("set the mode of", path);
    return {};
}

}  // namespace admin
