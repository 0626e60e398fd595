#include "identity/aws_managed.hpp"

#include <cstring>
#include <string_view>
#include <unordered_map>

#include "base/invariant.hpp"
#include "base/mutex.hpp"
#include "crypto/digest.hpp"
#include "tar/gzip.hpp"
#include "text/json.hpp"

// tools/pack_managed_policies.py documents the format of the file.
asm(".section .rodata\n"
    ".balign 16\n"
    "trainwarden_managed_policies:\n"
    ".incbin \"" TRAINWARDEN_MANAGED_POLICIES
    "\"\n"
    "trainwarden_managed_policies_end:\n"
    ".byte 0\n"
    ".previous\n");
extern "C" const char trainwarden_managed_policies[] __attribute__((visibility("hidden")));
extern "C" const char trainwarden_managed_policies_end[] __attribute__((visibility("hidden")));

namespace identity {

namespace {

// What the build packed is whole: anything else is a broken program, not an operating error.
std::string inflate(std::string_view packed, size_t size) {
    auto out = tar::inflate(packed, size);
    INVARIANT(out.has_value());
    return *std::move(out);
}

uint32_t number_at(std::string_view bytes, size_t at) {
    uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

base::Time time_of(const text::Json& value) { return base::Time(std::chrono::milliseconds(value.as_int())); }

// AWS does not publish these ids with the documents: one made from the ARN never changes and collides with none of ours.
std::string id_of(const std::string& arn) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string id = "ANPA";
    for (const char byte : crypto::sha256(arn).substr(0, 17)) id += alphabet[static_cast<unsigned char>(byte) & 31];
    return id;
}

struct Block {
    size_t summary = 0;
    size_t offset = 0, size = 0, inflated = 0;
};

class Catalogue {
public:
    Catalogue() {
        const std::string_view file(trainwarden_managed_policies,
                                    static_cast<size_t>(trainwarden_managed_policies_end - trainwarden_managed_policies));
        const size_t index_size = number_at(file, 0);
        blocks_bytes_ = file.substr(8 + index_size);
        const auto index = text::parse_json(inflate(file.substr(8, index_size), number_at(file, 4)));
        INVARIANT(index.has_value());
        for (const text::Json& row : index->items()) {
            const auto& cells = row.items();
            AwsManagedSummary summary;
            summary.arn = cells[0].as_string();
            const size_t path = summary.arn.find("policy/") + 6, name = summary.arn.rfind('/') + 1;
            summary.path = summary.arn.substr(path, name - path);
            summary.name = summary.arn.substr(name);
            summary.id = id_of(summary.arn);
            summary.default_version = cells[1].as_string();
            summary.created = time_of(cells[2]);
            summary.updated = time_of(cells[3]);
            blocks_[summary.arn] = {summaries_.size(), static_cast<size_t>(cells[4].as_int()),
                                    static_cast<size_t>(cells[5].as_int()), static_cast<size_t>(cells[6].as_int())};
            summaries_.push_back(std::move(summary));
        }
    }

    [[nodiscard]] const std::vector<AwsManagedSummary>& summaries() const { return summaries_; }

    [[nodiscard]] ManagedPolicyPtr find(const std::string& arn) {
        const auto block = blocks_.find(arn);
        if (block == blocks_.end()) return nullptr;
        const base::Lock lock(mutex_);
        ManagedPolicyPtr& parsed = parsed_[arn];
        if (!parsed) parsed = parse(block->second);
        return parsed;
    }

private:
    [[nodiscard]] ManagedPolicyPtr parse(const Block& block) const {
        const auto versions = text::parse_json(inflate(blocks_bytes_.substr(block.offset, block.size), block.inflated));
        INVARIANT(versions.has_value());
        const AwsManagedSummary& summary = summaries_[block.summary];
        auto out = std::make_shared<ManagedPolicy>();
        out->path = summary.path;
        out->name = summary.name;
        out->id = summary.id;
        out->arn = summary.arn;
        out->created = summary.created;
        out->updated = summary.updated;
        out->default_version = summary.default_version;
        // Policies of service-linked roles hang on nothing else.
        out->attachable = !summary.path.starts_with("/aws-service-role/");
        for (const text::Json& version : versions->items()) {
            const auto& cells = version.items();
            out->versions.push_back({cells[0].as_string(),
                                     policy::Policy::parse_stored(cells[2].as_string(), policy::PolicyKind::identity),
                                     time_of(cells[1])});
        }
        INVARIANT(out->version(out->default_version) != nullptr);
        return out;
    }

    std::string_view blocks_bytes_;
    std::vector<AwsManagedSummary> summaries_;
    std::unordered_map<std::string, Block> blocks_;
    base::Mutex mutex_;
    std::unordered_map<std::string, ManagedPolicyPtr> parsed_;
};

Catalogue& catalogue() {
    static Catalogue one;
    return one;
}

}  // namespace

ManagedPolicyPtr aws_managed_policy(const std::string& arn) { return catalogue().find(arn); }

const std::vector<AwsManagedSummary>& aws_managed_policies() { return catalogue().summaries(); }

}  // namespace identity
