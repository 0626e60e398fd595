#include "objects/record.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "objects/encryption_record.hpp"

namespace objects {
namespace {

constexpr unsigned char version_plain = 1;      // the fields alone
constexpr unsigned char version_extended = 2;   // and an extension
constexpr unsigned char version_encrypted = 3;  // that says how the bytes are encrypted

base::Error damaged(const char* what) {
    return {base::code::InternalError, std::string("the stored record of ") + what + " is damaged"};
}

class Writer {
public:
    Writer(const std::string& extension, const EncryptionRecord& encryption) : extension_(extension) {
        const bool encrypted = encryption.encryption.kind != EncryptionKind::none;
        if (encrypted) extension_ = with_tag(std::move(extension_), encryption_tag, write_encryption(encryption));
        out_.push_back(static_cast<char>(encrypted ? version_encrypted : extension.empty() ? version_plain : version_extended));
    }
    Writer& number(uint64_t value) {
        for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
        out_.push_back(static_cast<char>(value));
        return *this;
    }
    Writer& text(std::string_view bytes) {
        number(bytes.size());
        out_ += bytes;
        return *this;
    }
    Writer& time(base::Time time) { return number(static_cast<uint64_t>(time.time_since_epoch().count())); }
    Writer& pairs(const std::vector<std::pair<std::string, std::string>>& list) {
        number(list.size());
        for (const auto& [name, value] : list) text(name).text(value);
        return *this;
    }
    Writer& attributes(const Attributes& a) {
        text(a.content_type).text(a.cache_control).text(a.content_disposition).text(a.content_encoding).text(a.content_language);
        return text(a.expires).text(a.website_redirect_location).pairs(a.user_metadata);
    }
    [[nodiscard]] std::string finish() {
        out_ += extension_;
        return std::move(out_);
    }

private:
    std::string extension_, out_;
};

// Reads past the end or of impossible lengths make it fail for good; the caller asks once, at the end.
class Reader {
public:
    explicit Reader(std::string_view bytes) : left_(bytes) {
        version_ = left_.empty() ? 0 : static_cast<unsigned char>(left_.front());
        if (version_ < version_plain || version_ > version_encrypted)
            failed_ = true;
        else
            left_.remove_prefix(1);
    }
    uint64_t number() {
        uint64_t value = 0;
        for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(left_.front());
            left_.remove_prefix(1);
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        failed_ = true;
        return 0;
    }
    std::string text() {
        const auto size = number();
        if (failed_ || size > left_.size()) {
            failed_ = true;
            return {};
        }
        std::string bytes(left_.substr(0, size));
        left_.remove_prefix(size);
        return bytes;
    }
    base::Time time() { return base::Time(std::chrono::milliseconds(static_cast<int64_t>(number()))); }
    std::vector<std::pair<std::string, std::string>> pairs() {
        std::vector<std::pair<std::string, std::string>> list;
        for (auto count = number(); count > 0 && !failed_; --count) {
            auto name = text();
            list.emplace_back(std::move(name), text());
        }
        return list;
    }
    Attributes attributes() {
        Attributes a;
        for (auto* field : {&a.content_type, &a.cache_control, &a.content_disposition, &a.content_encoding, &a.content_language,
                            &a.expires, &a.website_redirect_location}) {
            *field = text();
        }
        a.user_metadata = pairs();
        return a;
    }
    // Everything behind the fields: what has a tag of ours is taken out, the rest kept as it is.
    template <class Record>
    base::Result<Record> finish(Record record, const char* what, EncryptionRecord& encryption) {
        const std::string_view extension = left_;
        if (version_ == version_extended || version_ == version_encrypted) {
            while (!left_.empty() && !failed_) {
                (void)number();
                (void)text();
            }
            record.extension = extension;
        }
        if (version_ > version_encrypted) {
            return base::fail(base::code::InternalError, std::string("the stored record of ") + what + " has format " +
                                                             std::to_string(version_) +
                                                             ", which a newer version of this program wrote");
        }
        if (!failed_ && version_ == version_encrypted) {
            const auto tag = take_tag(record.extension, encryption_tag);
            auto read = tag ? read_encryption(*tag) : std::nullopt;
            failed_ = !read;
            if (read) encryption = std::move(*read);
        }
        if (failed_ || !left_.empty()) return base::fail(damaged(what));
        return record;
    }
    [[nodiscard]] bool failed() const { return failed_; }

private:
    std::string_view left_;
    unsigned version_ = 0;
    bool failed_ = false;
};

EncryptionRecord encryption_of(const Object& object) {
    EncryptionRecord out{.encryption = object.encryption, .keys = {}, .asked_algorithm = {}, .asked_key = {}};
    for (const auto& segment : object.segments) out.keys.push_back(segment.key);
    if (object.segments.empty()) out.keys.push_back(object.content_key);
    return out;
}

}  // namespace

std::string write_record(const Object& object) {
    Writer out(object.extension, encryption_of(object));
    out.number(object.size).text(object.etag).time(object.last_modified);
    out.number(object.checksum ? 1 : 0);
    if (object.checksum) {
        out.number(static_cast<uint64_t>(object.checksum->kind))
            .number(static_cast<uint64_t>(object.checksum->type))
            .text(object.checksum->value);
    }
    out.attributes(object.attributes).pairs(object.tags).text(object.upload_id).text(object.content);
    out.number(object.segments.size());
    for (const auto& segment : object.segments) out.text(segment.blob).number(segment.size).text(segment.checksum);
    return out.finish();
}

base::Result<Object> read_object(std::string_view record) {
    Reader in(record);
    Object object;
    object.size = in.number();
    object.etag = in.text();
    object.last_modified = in.time();
    if (in.number() == 1) {
        auto& checksum = object.checksum.emplace();
        checksum.kind = static_cast<ChecksumKind>(in.number());
        checksum.type = static_cast<ChecksumType>(in.number());
        checksum.value = in.text();
    }
    object.attributes = in.attributes();
    object.tags = in.pairs();
    object.upload_id = in.text();
    object.content = in.text();
    for (auto count = in.number(); count > 0 && !in.failed(); --count) {
        auto& segment = object.segments.emplace_back();
        segment.blob = in.text();
        segment.size = in.number();
        segment.checksum = in.text();
    }
    EncryptionRecord found;
    auto read = TRY(in.finish(std::move(object), "an object", found));
    if (found.encryption.kind == EncryptionKind::none) return read;
    if (found.keys.size() != std::max<size_t>(1, read.segments.size())) return base::fail(damaged("an object"));
    read.encryption = std::move(found.encryption);
    if (read.segments.empty()) read.content_key = std::move(found.keys.front());
    for (size_t index = 0; index < read.segments.size(); ++index) read.segments[index].key = std::move(found.keys[index]);
    return read;
}

std::string write_record(const UploadRecord& upload) {
    EncryptionRecord encryption{
        .encryption = upload.encryption, .keys = {}, .asked_algorithm = upload.asked_algorithm, .asked_key = upload.asked_key};
    if (upload.encryption.kind == EncryptionKind::customer) encryption.keys.push_back(upload.customer_probe);
    Writer out(upload.extension, encryption);
    out.time(upload.initiated).text(upload.account).text(upload.initiator).attributes(upload.attributes).pairs(upload.tags);
    out.number(static_cast<uint64_t>(upload.checksum_kind))
        .number(static_cast<uint64_t>(upload.checksum_type))
        .number(upload.checksum_declared);
    return out.finish();
}

base::Result<UploadRecord> read_upload(std::string_view record) {
    Reader in(record);
    UploadRecord upload;
    upload.initiated = in.time();
    upload.account = in.text();
    upload.initiator = in.text();
    upload.attributes = in.attributes();
    upload.tags = in.pairs();
    upload.checksum_kind = static_cast<ChecksumKind>(in.number());
    upload.checksum_type = static_cast<ChecksumType>(in.number());
    upload.checksum_declared = in.number() == 1;
    EncryptionRecord found;
    auto read = TRY(in.finish(std::move(upload), "a multipart upload", found));
    if (found.keys.size() != (found.encryption.kind == EncryptionKind::customer ? 1 : 0))
        return base::fail(damaged("a multipart upload"));
    read.encryption = std::move(found.encryption);
    read.asked_algorithm = std::move(found.asked_algorithm);
    read.asked_key = std::move(found.asked_key);
    if (!found.keys.empty()) read.customer_probe = std::move(found.keys.front());
    return read;
}

std::string write_record(const PartRecord& part) {
    // How is the upload's to say.
    const auto kind = part.key.sealed.empty() ? EncryptionKind::none : EncryptionKind::s3;
    Writer out(
        part.extension,
        {.encryption = {.kind = kind, .key_arn = {}, .context = {}}, .keys = {part.key}, .asked_algorithm = {}, .asked_key = {}});
    out.text(part.blob).number(part.size).text(part.etag).text(part.checksum).time(part.last_modified);
    return out.finish();
}

base::Result<PartRecord> read_part(std::string_view record) {
    Reader in(record);
    PartRecord part;
    part.blob = in.text();
    part.size = in.number();
    part.etag = in.text();
    part.checksum = in.text();
    part.last_modified = in.time();
    EncryptionRecord found;
    auto read = TRY(in.finish(std::move(part), "a part", found));
    if (found.encryption.kind == EncryptionKind::none) return read;
    if (found.keys.size() != 1) return base::fail(damaged("a part"));
    read.key = std::move(found.keys.front());
    return read;
}

}  // namespace objects
