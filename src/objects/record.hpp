// The stored forms of objects, uploads and parts.
//
//   record     = version, fields                 version 1
//              | version, fields, extension      version 2
//              | version, fields, extension      version 3: with a tag that a reader has to understand (encryption_record.hpp)
//   fields     = the members in the order of record.cpp: numbers as LEB128, texts as length and bytes, lists as count and items
//   extension  = {tag: number, value: text}      to the end of the record
//
// Compact, because a GET reads one record and a listing reads a thousand.
//
// Tags: 16 version id, 17 delete marker, 18 order of a null version, 19 retention (mode, end), 20 legal hold.
//
// The fields are fixed for good. A new member goes into the extension under a tag of its own, so that every version of this program
// reads the records of every other: an older record has no such tag, and a tag that a reader does not know is kept and
// written back as it was (`extension`). A record without an extension is written as version 1, which the first release reads. A version
// above 3 is of an unknown format: an error that says so, never a guess.
#pragma once

#include <string>
#include <string_view>

#include "objects/object.hpp"

namespace objects {

struct UploadRecord {
    base::Time initiated;
    std::string account;    // of who started it
    std::string initiator;  // ARN
    Attributes attributes;
    Tags tags;
    ChecksumKind checksum_kind = ChecksumKind::crc64nvme;
    ChecksumType checksum_type = ChecksumType::full_object;
    bool checksum_declared = false;  // the client chose the kind; without that, parts need not state theirs
    ObjectLock lock;                 // of the object that it becomes
    Encryption encryption;
    SealedKey customer_probe;                // SSE-C: a data key of nothing; who opens it has the key that the upload began with
    std::string asked_algorithm, asked_key;  // of encryption, in the request that began it: AES256, the ARN of a key
    std::string extension;                   // as Object's
};

struct PartRecord {
    store::BlobId blob;
    uint64_t size = 0;
    std::string etag;
    std::string checksum;  // of the upload's kind, base64
    base::Time last_modified;
    SealedKey key;
    std::string extension;  // as Object's
};

[[nodiscard]] std::string write_record(const Object& object);
[[nodiscard]] std::string write_record(const UploadRecord& upload);
[[nodiscard]] std::string write_record(const PartRecord& part);

// Error `InternalError`: the record is damaged, or of a format that this version does not know.
[[nodiscard]] base::Result<Object> read_object(std::string_view record);
[[nodiscard]] base::Result<UploadRecord> read_upload(std::string_view record);
[[nodiscard]] base::Result<PartRecord> read_part(std::string_view record);

}  // namespace objects
