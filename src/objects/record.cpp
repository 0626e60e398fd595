#include "objects/record.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "objects/encryption_record.hpp"
#include "objects/record_bytes.hpp"

namespace objects {
namespace {

constexpr unsigned char version_plain = 1;      // the fields alone
constexpr unsigned char version_extended = 2;   // and an extension
constexpr unsigned char version_encrypted = 3;  // that says how the bytes are encrypted

base::Error damaged(const char* what) {
    return {base::code::InternalError, std::string("the stored record of ") + what + " is damaged"};
}

// Members that came after the first release (record.hpp).
enum Tag : uint64_t {
    tag_version_id = 16,
    tag_delete_marker = 17,
    tag_null_order = 18,
    tag_retention = 19,  // its mode, its end
    tag_legal_hold = 20,
    tag_encryption = 32,  // encryption_record.hpp; of version_encrypted
};

void add_tag(std::string& out, Tag tag, std::string_view value) {
    put_number(out, tag);
    put_text(out, value);
}
void add_tag(std::string& out, Tag tag, uint64_t value) {
    std::string text;
    put_number(text, value);
    add_tag(out, tag, text);
}
void add_lock(std::string& out, const ObjectLock& lock) {
    if (lock.retention) {
        std::string retention;
        put_number(retention, static_cast<uint64_t>(lock.retention->mode));
        put_number(retention, static_cast<uint64_t>(lock.retention->until.time_since_epoch().count()));
        add_tag(out, tag_retention, retention);
    }
    if (lock.legal_hold) add_tag(out, tag_legal_hold, static_cast<uint64_t>(*lock.legal_hold));
}
std::string extension_of(const Object& object) {
    std::string out;
    if (!object.version_id.empty()) add_tag(out, tag_version_id, object.version_id);
    if (object.delete_marker) add_tag(out, tag_delete_marker, uint64_t{1});
    if (object.null_order != 0) add_tag(out, tag_null_order, object.null_order);
    add_lock(out, object.lock);
    return out + object.extension;
}
std::string extension_of(const UploadRecord& upload) {
    std::string out;
    add_lock(out, upload.lock);
    return out + upload.extension;
}

class Writer {
public:
    Writer(std::string extension, const EncryptionRecord& encryption) : extension_(std::move(extension)) {
        const bool encrypted = encryption.encryption.kind != EncryptionKind::none;
        out_.push_back(static_cast<char>(encrypted ? version_encrypted : extension_.empty() ? version_plain : version_extended));
        if (encrypted) add_tag(extension_, tag_encryption, write_encryption(encryption));
    }
    Writer& number(uint64_t value) {
        put_number(out_, value);
        return *this;
    }
    Writer& text(std::string_view bytes) {
        put_text(out_, bytes);
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

// Taken away from the front.
uint64_t next_number(std::string_view& value, bool& failed) {
    const auto number = take_number(value);
    failed = failed || !number;
    return number.value_or(0);
}

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
    uint64_t number() { return next_number(left_, failed_); }
    std::string text() {
        const auto bytes = take_text(left_);
        failed_ = failed_ || !bytes;
        return std::string(bytes.value_or(""));
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
    // What stands behind the fields: `take` has the members that it knows, `encryption` what version 3 says; the rest is kept as it is.
    template <class Record, class Take>
    base::Result<Record> finish(Record record, const char* what, EncryptionRecord& encryption, Take take) {
        const bool extended = version_ == version_extended || version_ == version_encrypted;
        bool is_encrypted = false;
        while (extended && !left_.empty() && !failed_) {
            const std::string_view from = left_;
            const auto tag = number();
            const auto value = text();
            if (!failed_ && version_ == version_encrypted && tag == tag_encryption && !is_encrypted) {
                auto read = read_encryption(value);
                failed_ = !read;
                is_encrypted = true;
                if (read) encryption = std::move(*read);
                continue;
            }
            if (!failed_ && !take(record, tag, value, failed_)) record.extension += from.substr(0, from.size() - left_.size());
        }
        if (version_ > version_encrypted) {
            return base::fail(base::code::InternalError, std::string("the stored record of ") + what + " has format " +
                                                             std::to_string(version_) +
                                                             ", which a newer version of this program wrote");
        }
        if (failed_ || !left_.empty() || is_encrypted != (version_ == version_encrypted)) return base::fail(damaged(what));
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

namespace {

uint64_t number_in(std::string_view value, bool& failed) { return next_number(value, failed); }

// What a lock says must be read or nothing is: one that is taken for none protects nothing.
bool take_lock(ObjectLock& lock, uint64_t tag, std::string_view value, bool& failed) {
    switch (tag) {
        case tag_retention: {
            const auto mode = next_number(value, failed);
            const auto until = next_number(value, failed);
            failed = failed || (mode != 1 && mode != 2) || !value.empty();
            lock.retention =
                Retention{static_cast<RetentionMode>(mode), base::Time(std::chrono::milliseconds(static_cast<int64_t>(until)))};
            return true;
        }
        case tag_legal_hold:
            lock.legal_hold = number_in(value, failed) != 0;
            return true;
        default:
            return false;
    }
}

bool take_member(Object& object, uint64_t tag, std::string_view value, bool& failed) {
    switch (tag) {
        case tag_version_id:
            object.version_id = value;
            failed = failed || !is_version_id(value);
            return true;
        case tag_delete_marker:
            object.delete_marker = number_in(value, failed) != 0;
            return true;
        case tag_null_order:
            object.null_order = number_in(value, failed);
            return true;
        default:
            return take_lock(object.lock, tag, value, failed);
    }
}

}  // namespace

std::string write_record(const Object& object) {
    Writer out(extension_of(object), encryption_of(object));
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
    auto read = TRY(in.finish(std::move(object), "an object", found, take_member));
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
    Writer out(extension_of(upload), encryption);
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
    const auto take = [](UploadRecord& record, uint64_t tag, std::string_view value, bool& failed) {
        return take_lock(record.lock, tag, value, failed);
    };
    auto read = TRY(in.finish(std::move(upload), "a multipart upload", found, take));
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
    const auto take = [](PartRecord&, uint64_t, std::string_view, bool&) { return false; };
    auto read = TRY(in.finish(std::move(part), "a part", found, take));
    if (found.encryption.kind == EncryptionKind::none) return read;
    if (found.keys.size() != 1) return base::fail(damaged("a part"));
    read.key = std::move(found.keys.front());
    return read;
}

}  // namespace objects
