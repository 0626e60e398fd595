#include "admin/scrub.hpp"

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "objects/integrity.hpp"

namespace admin {
namespace {

constexpr size_t entries_at_once = 256;
constexpr uint64_t bytes_of_a_record = 4096;  // what looking at one costs, whatever it names

}  // namespace

void Scrub::pass(const std::function<bool(std::chrono::milliseconds)>& wait) {
    {
        const base::Lock lock(mutex_);
        state_.began = dependencies_.clock->now();
        state_.damaged = 0;
        state_.places.clear();
    }
    bool ends = false;
    uint64_t owed = 0;  // bytes that were read and not waited for
    // Small waits: the rate holds within a second, not on average over a pass.
    const auto read = [&](size_t bytes) -> base::Result<void> {
        owed += bytes;
        const auto pause = std::chrono::milliseconds(owed * 1000 / dependencies_.bytes_per_second);
        if (pause < std::chrono::milliseconds(50)) return {};
        owed = 0;
        if (!wait(pause)) ends = true;
        if (ends) return base::fail(base::code::Interrupted, "the server ends");
        return {};
    };
    for (const std::string_view prefix : objects::prefixes_with_blobs) {
        for (std::string from(prefix); !ends;) {
            const auto page = dependencies_.keys->scan({.prefix = std::string(prefix), .from = from, .limit = entries_at_once});
            if (!page) {
                base::log_error("scrub: " + page.error().describe());
                return;
            }
            for (const auto& entry : *page) {
                check(entry, read);
                (void)read(bytes_of_a_record);
                if (ends) return;
            }
            if (page->size() < entries_at_once) break;
            from = page->back().key + '\0';
        }
    }
    const base::Lock lock(mutex_);
    ++state_.passes;
    state_.ended = dependencies_.clock->now();
    state_.began.reset();
    const std::string said = "scrub: a pass is done, " + std::to_string(state_.damaged) + " records or blobs are damaged";
    if (state_.damaged != 0)
        base::log_error(said + "; `trainwarden admin check` names all, docs/admin.md says what to do");
    else
        base::log_info(said);
}

void Scrub::check(const store::Entry& entry, const std::function<base::Result<void>(size_t)>& read) {
    const auto damaged = [&](const std::string& what) {
        if (!is_as_it_was(entry)) return;  // replaced or deleted meanwhile, its blob with it
        base::log_error("scrub: record " + entry.key + ": " + what);
        const base::Lock lock(mutex_);
        ++state_.damaged;
        if (state_.places.size() < damaged_said_max) state_.places.push_back("record " + entry.key + ": " + what);
    };
    const auto named = objects::stored_bytes(entry);
    if (!named) return damaged(named.error().message);
    for (const auto& bytes : *named) {
        const auto blob = dependencies_.blobs->open(bytes.blob);
        auto verified = blob ? objects::verify_bytes(bytes, **blob, read) : base::fail(blob.error());
        if (!verified && verified.error().code == base::code::Interrupted) return;
        if (!verified) damaged("blob " + bytes.blob + ": " + verified.error().message);
        const base::Lock lock(mutex_);
        ++state_.blobs;
        state_.bytes += bytes.size;
    }
}

bool Scrub::is_as_it_was(const store::Entry& entry) const {
    const auto now = dependencies_.keys->get(entry.key);
    return !now || *now == entry.value;
}

ScrubState Scrub::state() const {
    const base::Lock lock(mutex_);
    return state_;
}

}  // namespace admin
