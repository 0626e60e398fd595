#include "sandbox/layer.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "tar/reader.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t unpacked_bytes_max = 256ULL << 30;
constexpr std::string_view whiteout = ".wh.", opaque = ".wh..wh..opq";

std::unexpected<base::Error> invalid(const std::string& what) { return base::fail(base::code::InvalidImage, what); }

// What libarchive says, as an error of the image.
template <class T>
base::Result<T> as(const std::string& doing, base::Result<T> result) {
    if (result) return result;
    return invalid(doing + ": " + result.error().message);
}

// `./usr/bin/` is usr/bin; an entry that would leave the root is nothing.
std::optional<std::string> inside(const std::optional<std::string>& name) {
    if (!name) return std::nullopt;
    std::vector<std::string> parts;
    for (auto part : base::split(*name, '/')) {
        if (part == "..") return std::nullopt;
        if (!part.empty() && part != ".") parts.emplace_back(part);
    }
    return base::join(parts, "/");
}

// Is every folder on the way to the entry a real one? A link there could lead anywhere.
bool way_is_plain(const std::string& root, const fs::path& entry) {
    fs::path at = root;
    for (const auto& part : entry.parent_path()) {
        at /= part;
        std::error_code error;
        if (fs::is_symlink(fs::symlink_status(at, error))) return false;
    }
    return true;
}

// Each entry, in order.
base::Result<void> read_entries(const std::string& path,
                                const std::function<base::Result<void>(tar::Reader&, tar::Entry)>& take) {
    tar::Reader reader(path, tar::Reader::Filters::any);
    while (true) {
        const auto entry = TRY(as(path + " is not a tar archive", reader.next()));
        if (!entry) return {};
        TRY(take(reader, *entry));
    }
}

// What the layer hides of the layers below it. Before anything of it is written: its own entries stay.
base::Result<void> apply_whiteouts(const std::string& path, const std::string& root) {
    return read_entries(path, [&](tar::Reader&, const tar::Entry& entry) -> base::Result<void> {
        auto name = inside(entry.path());
        if (!name) return invalid("the image has an entry outside of its root");
        fs::path place(*name);
        std::string last = place.filename().string();
        if (!last.starts_with(whiteout)) return {};
        if (!way_is_plain(root, place)) return invalid("the image's entry " + *name + " lies behind a link");
        std::error_code error;
        fs::path folder = root / place.parent_path();
        if (last == opaque) {
            for (const auto& lower : fs::directory_iterator(folder, error)) fs::remove_all(lower.path(), error);
        } else {
            fs::remove_all(folder / last.substr(whiteout.size()), error);
        }
        if (error && error != std::errc::no_such_file_or_directory)
            return invalid("cannot apply " + *name + ": " + error.message());
        return {};
    });
}

base::Result<void> copy_data(tar::Reader& reader, tar::Disk& disk, uint64_t& total, const std::string& name) {
    while (true) {
        const auto block = TRY(as("cannot unpack " + name, reader.block()));
        if (!block) return {};
        total += block->bytes.size();
        if (total > unpacked_bytes_max) return invalid("the image unpacks to more than 256 GiB");
        TRY(as("cannot unpack " + name, disk.write(*block)));
    }
}

// The owner's rights for all (see image.hpp), no set-user-ID, no sticky bits.
uint32_t opened(uint32_t permissions) {
    const auto owner = permissions & 0700;
    return owner | owner >> 3 | owner >> 6;
}

}  // namespace

base::Result<void> apply_layer(const std::string& path, const std::string& folder) {
    std::error_code error;
    std::string root = fs::canonical(folder, error).string();
    if (error) return base::fail(base::code::InternalError, folder + " does not exist");
    TRY(apply_whiteouts(path, root));
    tar::Disk disk({.permissions = true, .unlink = true});
    uint64_t total = 0;
    return read_entries(path, [&](tar::Reader& reader, tar::Entry entry) -> base::Result<void> {
        auto name = inside(entry.path());
        if (!name) return invalid("the image has an entry outside of its root");
        const auto kind = entry.kind();
        if (name->empty() || kind == tar::Entry::Kind::other || fs::path(*name).filename().string().starts_with(whiteout))
            return {};
        if (!way_is_plain(root, *name)) return invalid("the image's entry " + *name + " lies behind a link");
        if (kind == tar::Entry::Kind::hard_link) {
            auto target = inside(entry.target());
            if (!target || !way_is_plain(root, *target)) return invalid("the image's link " + *name + " leads out of its root");
            entry.set_target(root + "/" + *target);
        }
        std::string place = root + "/" + *name;
        std::error_code unknown;
        // Another kind of entry than the layer below has: it takes its place.
        auto before = fs::symlink_status(place, unknown);
        if (fs::exists(before) && fs::is_directory(before) != (kind == tar::Entry::Kind::folder)) fs::remove_all(place, unknown);
        entry.set_path(place);
        if (kind == tar::Entry::Kind::file || kind == tar::Entry::Kind::folder)
            entry.set_permissions(opened(entry.permissions()));
        TRY(as("cannot unpack " + *name, disk.begin(entry)));
        if (entry.size() > 0) TRY(copy_data(reader, disk, total, *name));
        return as("cannot unpack " + *name, disk.end());
    });
}

void open_to_all(const std::string& root) {
    std::error_code error;
    fs::permissions(root, fs::perms(0755), error);
    for (const auto& entry : fs::recursive_directory_iterator(root, error)) {
        if (entry.is_directory(error) && !entry.is_symlink(error))
            fs::permissions(entry.path(), fs::perms(0555), fs::perm_options::add, error);
    }
}

}  // namespace sandbox
