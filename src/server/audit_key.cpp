#include "server/audit_key.hpp"

#include <sys/stat.h>

#include <filesystem>

#include "audit/log.hpp"
#include "audit/segment.hpp"
#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "os/file.hpp"
#include "text/json.hpp"

namespace server {
namespace {

namespace fs = std::filesystem;

base::Result<std::string> read_text(const std::string& path) {
    auto content = os::read_file(path);
    if (!content) return base::fail(base::code::AuditKeyMissing, content.error().message);
    return content;
}

std::string place_of(const std::string& master_key_file, const std::string& id) {
    return fs::path(master_key_file).parent_path().string() + "/" + id + ".audit-key-file";
}

}  // namespace

base::Result<AuditKey> open_audit_key(const DataFolder& folder, const std::string& file) {
    const std::string place = place_of(folder.master_key_file(), folder.id());
    AuditKey out;
    std::error_code error;
    std::string remembered;
    const bool is_said = exists(place);
    if (is_said) {
        remembered = std::string(base::trim(TRY(read_text(place))));
    } else if (auto former = audit_key_file_of(folder.path())) {
        remembered = std::move(*former);  // the master key was moved
    }
    if (!file.empty())
        out.file = fs::absolute(file, error).string();
    else if (!remembered.empty())
        out.file = remembered;
    else
        out.file = fs::path(folder.master_key_file()).parent_path().string() + "/" + folder.id() + ".audit-key";
    if (out.file.starts_with(folder.path() + "/"))
        return base::fail(
            base::Error(base::code::AuditKeyWrong, "the key that signs the audit log may not lie in the data folder")
                .note("choose another place with --audit-key-file"));
    if (!exists(out.file)) {
        const bool has_log = !TRY(audit::segment_numbers(folder.audit_directory(), audit::requests_stream)).empty();
        if (has_log && file.empty())
            return base::fail(
                base::Error(base::code::AuditKeyMissing, "the key that signs the audit log is not at `" + out.file + "`")
                    .note("bring it back, or say with --audit-key-file where it is, or where to make a new one"));
        if (auto written = os::replace_file(out.file, crypto::SigningKey::make().pem()); !written)
            return base::fail(base::Error(base::code::AuditKeyMissing,
                                          "the key that signs the audit log cannot be made: " + written.error().message)
                                  .note("choose another place for it with --audit-key-file"));
    }
    struct stat status{};
    if (::stat(out.file.c_str(), &status) != 0 || (status.st_mode & 077) != 0)
        return base::fail(base::Error(base::code::AuditKeyWrong, "the key `" + out.file + "` can be read by others")
                              .note("run: chmod 600 " + out.file));
    auto key = crypto::SigningKey::read(TRY(read_text(out.file)));
    if (!key) return base::fail(base::Error(base::code::AuditKeyWrong, "`" + out.file + "`: " + key.error().message));
    out.key = std::make_shared<const crypto::SigningKey>(std::move(*key));
    const std::string public_pem = out.key->public_key().pem();
    if (!exists(out.public_file()) || TRY(read_text(out.public_file())) != public_pem)
        TRY(write_whole(out.public_file(), public_pem));
    if (remembered != out.file) out.previous_file = remembered;
    if (!is_said || remembered != out.file) TRY(write_whole(place, out.file + "\n"));
    return out;
}

base::Result<std::string> audit_key_file_of(const std::string& data_folder) {
    const std::string installation = TRY(read_text(data_folder + "/installation"));
    const auto json = text::parse_json(installation);
    if (!json) return base::fail(base::code::AuditKeyMissing, "`" + data_folder + "/installation`: " + json.error().message);
    return std::string(base::trim(TRY(read_text(place_of((*json)["MasterKeyFile"].as_string(), (*json)["Id"].as_string())))));
}

}  // namespace server
