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

std::vector<fs::path> files_below(const fs::path& folder) {
    std::vector<fs::path> files;
    for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::recursive_directory_iterator(); ++entry) {
        if (is_left_out(entry->path())) {
            if (entry->is_directory()) entry.disable_recursion_pending();
        } else if (entry->is_regular_file() && !entry->is_symlink()) {
            files.push_back(entry->path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

la_ssize_t append(archive*, void* target, const void* bytes, size_t count) {
    static_cast<std::string*>(target)->append(static_cast<const char*>(bytes), count);
    return static_cast<la_ssize_t>(count);
}

base::Result<void> add(archive* writer, const fs::path& file, const std::string& name) {
    std::ifstream stream(file, std::ios::binary);
    std::stringstream content;
    content << stream.rdbuf();
    if (!stream) return base::fail("FileNotFound", "cannot read " + file.string());
    std::string bytes = content.str();
    std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    bool executable = (fs::status(file).permissions() & fs::perms::owner_exec) != fs::perms::none;
    archive_entry_set_perm(entry.get(), executable ? 0755 : 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    if (archive_write_header(writer, entry.get()) != ARCHIVE_OK ||
        archive_write_data(writer, bytes.data(), bytes.size()) != static_cast<la_ssize_t>(bytes.size())) {
        return base::fail("InternalError", std::string("cannot pack ") + file.string() + ": " + archive_error_string(writer));
    }
    return {};
}

}  // namespace

base::Result<std::string> pack_source(const std::string& path) {
    std::error_code error;
    bool is_folder = fs::is_directory(path, error);
    if (!is_folder && !fs::is_regular_file(path, error)) return base::fail("FileNotFound", "there is no file or folder " + path);
    std::vector<fs::path> files = is_folder ? files_below(path) : std::vector<fs::path>{path};
    uintmax_t total = 0;
    for (const auto& file : files) total += fs::file_size(file, error);
    if (total > source_bytes_max) {
        return base::fail(base::Error("SourceTooLarge", "the source " + path + " is larger than 256 MiB")
                              .note("put data in a bucket and name it with --input"));
    }
    std::string bytes;
    std::unique_ptr<archive, FreeWriter> writer(archive_write_new());
    archive_write_set_format_pax_restricted(writer.get());
    archive_write_add_filter_gzip(writer.get());
    archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr);
    archive_write_open(writer.get(), &bytes, nullptr, append, nullptr);
    for (const auto& file : files) {
        std::string name = is_folder ? fs::relative(file, path, error).string() : file.filename().string();
        TRY(add(writer.get(), file, name));
    }
    if (archive_write_close(writer.get()) != ARCHIVE_OK) return base::fail("InternalError", "cannot pack " + path);
    return bytes;
}

}  // namespace cli
