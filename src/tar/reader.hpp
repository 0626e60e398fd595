// Reading tar archives, and making files of their entries.
//
// What an entry may be named, of which kind it may be, and how much may be unpacked is its caller's rule: Reader tells, Disk does.
// Errors: `InvalidArchive`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "text/utf8_locale.hpp"

struct archive;
struct archive_entry;

namespace tar {

// The entry that a Reader stands at: a view, good until it goes on.
class Entry {
public:
    enum class Kind : uint8_t { file, folder, link, hard_link, other };
    explicit Entry(::archive_entry* entry) : entry_(entry) {}

    [[nodiscard]] Kind kind() const;
    // Bytes, as the archive has them; nullopt: it has none that can be read.
    [[nodiscard]] std::optional<std::string> path() const;
    [[nodiscard]] std::string target() const;  // of a hard link: the entry that it is
    [[nodiscard]] uint32_t permissions() const;
    [[nodiscard]] uint64_t size() const;

    // Where and as what a Disk makes it.
    void set_path(const std::string& path);
    void set_target(const std::string& path);
    void set_permissions(uint32_t permissions);

private:
    friend class Disk;
    ::archive_entry* entry_;
};

struct Block {
    std::string_view bytes;
    uint64_t offset = 0;  // in the file
};

class Reader {
public:
    // `gzip`: a tar or tar.gz; `any`: of whatever compression libarchive knows.
    enum class Filters : uint8_t { gzip, any };
    explicit Reader(std::string path, Filters filters);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    [[nodiscard]] base::Result<std::optional<Entry>> next();
    [[nodiscard]] base::Result<std::optional<Block>> block();  // the next bytes of the entry

private:
    [[nodiscard]] std::unexpected<base::Error> trouble() const;
    text::Utf8Locale locale_;
    ::archive* archive_;
    std::string path_;
    bool opened_ = false;
};

// Makes files of entries. Never through a link on the way to them, and never of a name with `..`.
class Disk {
public:
    struct Options {
        bool permissions = false;  // set exactly, whatever the umask is
        bool unlink = false;       // what is in the way goes first
    };
    explicit Disk(Options options);
    ~Disk();  // folders get their times
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    [[nodiscard]] base::Result<void> begin(const Entry& entry);
    [[nodiscard]] base::Result<void> write(const Block& block);
    [[nodiscard]] base::Result<void> end();

private:
    [[nodiscard]] std::unexpected<base::Error> trouble() const;
    text::Utf8Locale locale_;
    ::archive* archive_;
};

}  // namespace tar
