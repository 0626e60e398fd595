#include "cli/source_archive.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/error_codes.hpp"
#include "os/file.hpp"
#include "tar/writer.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t source_bytes_max = 256u << 20;  // Data belongs in a channel.

bool is_left_out(const fs::path& path) {
    std::string name = path.filename().string();
    return name.starts_with('.') || name == "__pycache__";
}

struct Found {
    fs::path path;
    std::string name;  // in the archive
    std::string link;  // where it points, from its own folder; only for links
};

std::unexpected<base::Error> refuse(const std::string& what, std::string remedy) {
    return base::fail(base::Error(base::code::InvalidSource, what).note(std::move(remedy)));
}

// A link inside the folder stays one, however it was written; what it would leave behind is told, never dropped.
base::Result<std::string> link_target(const fs::path& root, const fs::path& link) {
    std::error_code error;
    const fs::path target = fs::canonical(link, error);
    if (error) return refuse("the link " + link.string() + " points at nothing that is there", "mend it or remove it");
    const fs::path inside = target.lexically_relative(root);
    if (inside.empty() || *inside.begin() == "..") {
        return refuse("the link " + link.string() + " points out of the source, at " + target.string(),
                      "copy there what it points at, or remove it: only what is inside of --source is taken along");
    }
    for (const auto& part : inside) {
        if (is_left_out(part) && part != ".") {
            return refuse("the link " + link.string() + " points at " + target.string() + ", which is not taken along",
                          "hidden files and __pycache__ are left out: rename it");
        }
    }
    return target.lexically_relative(fs::canonical(link.parent_path(), error)).string();
}

base::Result<std::vector<Found>> files_below(const fs::path& folder) {
    std::vector<Found> files;
    std::error_code error;
    const fs::path root = fs::canonical(folder, error);
    auto entry = fs::recursive_directory_iterator(root, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        const fs::path& path = entry->path();
        const auto status = entry->symlink_status(error);
        if (error) break;
        std::string name = path.lexically_relative(root).string();
        if (is_left_out(path)) {
            if (fs::is_directory(status)) entry.disable_recursion_pending();
        } else if (fs::is_symlink(status)) {
            files.push_back({path, std::move(name), TRY(link_target(root, path))});
        } else if (fs::is_regular_file(status)) {
            files.push_back({path, std::move(name), ""});
        } else if (!fs::is_directory(status)) {
            return refuse(path.string() + " is neither a file nor a folder nor a link", "remove it from the source");
        }
    }
    if (error) return base::fail(base::code::FileNotFound, "cannot read the source " + folder.string() + ": " + error.message());
    std::sort(files.begin(), files.end(), [](const Found& a, const Found& b) { return a.name < b.name; });
    return files;
}

base::Result<void> add(tar::Writer& writer, const Found& file) {
    if (!file.link.empty()) return writer.add({.path = file.name, .kind = tar::Header::Kind::link, .target = file.link});
    const auto bytes = os::read_file(file.path);
    if (!bytes) return base::fail(base::code::FileNotFound, bytes.error().message);
    const bool executable = (fs::status(file.path).permissions() & fs::perms::owner_exec) != fs::perms::none;
    TRY(writer.add({.path = file.name, .permissions = executable ? 0755U : 0644U, .size = bytes->size()}));
    return writer.data(*bytes);
}

}  // namespace

base::Result<std::string> pack_source(const std::string& path) {
    std::error_code error;
    bool is_folder = fs::is_directory(path, error);
    if (!is_folder && !fs::is_regular_file(path, error))
        return base::fail(base::code::FileNotFound, "there is no file or folder " + path);
    std::vector<Found> files;
    if (is_folder) {
        files = TRY(files_below(path));
    } else {
        files.push_back({path, fs::path(path).filename().string(), ""});
    }
    uintmax_t total = 0;
    for (const auto& file : files) {
        if (file.link.empty()) total += fs::file_size(file.path, error);
    }
    if (total > source_bytes_max) {
        return base::fail(base::Error(base::code::SourceTooLarge, "the source " + path + " is larger than 256 MiB")
                              .note("put data in a bucket and name it with --input"));
    }
    std::string bytes;
    tar::Writer writer([&bytes](std::string_view part) -> base::Result<void> {
        bytes += part;
        return {};
    });
    for (const auto& file : files) TRY(add(writer, file));
    TRY(writer.finish());
    return bytes;
}

}  // namespace cli
