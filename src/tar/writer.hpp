// A tar (pax) archive, written into a sink piece by piece; as tar.gz if asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tar/gzip.hpp"
#include "text/utf8_locale.hpp"

struct archive;

namespace tar {

struct Stretch {
    uint64_t offset = 0, size = 0;
};

// What the archive says of an entry, before its bytes.
struct Header {
    enum class Kind : uint8_t { file, folder, link, hard_link };
    std::string path;  // bytes, relative
    Kind kind = Kind::file;
    std::string target;               // of a link: where it points; of a hard link: the entry that it is
    uint32_t permissions = 0644;      // of links always 0777
    uint64_t size = 0;                // of a file
    std::optional<int64_t> modified;  // nanoseconds since 1970
    // Of a file with holes: where its data is. The writer is given the holes all the same, as zeros, and leaves them out.
    std::optional<std::vector<Stretch>> data;
};

// Errors: `InvalidArchive`, the sink's own. Given up before finish(), it leaves what it has written and writes nothing more.
class Writer {
public:
    enum class Compression : uint8_t { none, gzip };
    explicit Writer(Sink sink, Compression compression = Compression::gzip);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    [[nodiscard]] base::Result<void> add(const Header& header);
    // Of the file that was added last: `size` bytes in all.
    [[nodiscard]] base::Result<void> data(std::string_view bytes);
    [[nodiscard]] base::Result<void> finish();

private:
    struct Target;
    [[nodiscard]] std::unexpected<base::Error> failed(const std::string& path) const;
    text::Utf8Locale locale_;
    std::unique_ptr<Target> target_;
    ::archive* archive_;
    std::string path_;  // of the entry added last
};

}  // namespace tar
