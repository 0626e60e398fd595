// The one file of this room that knows libarchive.
#include "cli/source_archive.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "text/utf8_locale.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t source_bytes_max = 256u << 20;  // Data belongs in a channel.

struct FreeWriter {
    void operator()(archive* writer) const { archive_write_free(writer); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

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
    return base::fail(base::Error("InvalidSource", what).note(std::move(remedy)));
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
    if (error) return base::fail("FileNotFound", "cannot read the source " + folder.string() + ": " + error.message());
    std::sort(files.begin(), files.end(), [](const Found& a, const Found& b) { return a.name < b.name; });
    return files;
}

la_ssize_t append(archive*, void* target, const void* bytes, size_t count) {
    static_cast<std::string*>(target)->append(static_cast<const char*>(bytes), count);
    return static_cast<la_ssize_t>(count);
}

// A warning is about a name that is not UTF-8: it is in the archive byte for byte.
bool write_header(archive* writer, archive_entry* entry) {
    const int status = archive_write_header(writer, entry);
    return status == ARCHIVE_OK || status == ARCHIVE_WARN;
}

base::Result<void> add(archive* writer, const Found& file) {
    std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), file.name.c_str());
    std::string bytes;
    if (file.link.empty()) {
        std::ifstream stream(file.path, std::ios::binary);
        std::stringstream content;
        content << stream.rdbuf();
        std::error_code error;
        // An empty file fails the copy, too.
        if (!stream || (!content && fs::file_size(file.path, error) > 0))
            return base::fail("FileNotFound", "cannot read " + file.path.string());
        bytes = content.str();
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        const bool executable = (fs::status(file.path).permissions() & fs::perms::owner_exec) != fs::perms::none;
        archive_entry_set_perm(entry.get(), executable ? 0755 : 0644);
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    } else {
        archive_entry_set_filetype(entry.get(), AE_IFLNK);
        archive_entry_set_symlink(entry.get(), file.link.c_str());
        archive_entry_set_perm(entry.get(), 0777);
    }
    if (!write_header(writer, entry.get()) ||
        archive_write_data(writer, bytes.data(), bytes.size()) != static_cast<la_ssize_t>(bytes.size())) {
        return base::fail("InternalError", "cannot pack " + file.path.string() + ": " + archive_error_string(writer));
    }
    return {};
}

}  // namespace

base::Result<std::string> pack_source(const std::string& path) {
    std::error_code error;
    bool is_folder = fs::is_directory(path, error);
    if (!is_folder && !fs::is_regular_file(path, error)) return base::fail("FileNotFound", "there is no file or folder " + path);
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
        return base::fail(base::Error("SourceTooLarge", "the source " + path + " is larger than 256 MiB")
                              .note("put data in a bucket and name it with --input"));
    }
    const text::Utf8Locale locale;
    std::string bytes;
    std::unique_ptr<archive, FreeWriter> writer(archive_write_new());
    archive_write_set_format_pax_restricted(writer.get());
    archive_write_add_filter_gzip(writer.get());
    archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr);
    archive_write_open(writer.get(), &bytes, nullptr, append, nullptr);
    for (const auto& file : files) TRY(add(writer.get(), file));
    if (archive_write_close(writer.get()) != ARCHIVE_OK) return base::fail("InternalError", "cannot pack " + path);
    return bytes;
}

}  // namespace cli
