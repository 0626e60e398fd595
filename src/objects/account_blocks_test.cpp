// What accounts block in all of their buckets: what buckets have of it, through every change and restart.
#include <doctest/doctest.h>

#include "base/decision.hpp"
#include "objects/storage.hpp"
#include "temporary_folder.hpp"

namespace {

constexpr const char* owner = "111122223333";
constexpr const char* other = "444455556666";
constexpr objects::PublicAccessBlock restricting{.block_public_policy = true, .restrict_public_buckets = true};

struct AccountBlocksFixture {
    AccountBlocksFixture() { open(); }
    void open() {
        storage.reset();
        blobs = std::move(*store::open_blobs(folder.path));
        storage = std::move(objects::Storage::open({keys.get(), blobs.get(), &clock, &random}).value());
    }
    void make(const std::string& name, const std::string& account) {
        REQUIRE(storage->create_bucket(name, account, "us-east-1"));
        configure(name, [](objects::BucketConfiguration& configuration) { configuration.public_access_block.reset(); });
    }
    template <class Set>
    void configure(const std::string& name, Set set) {
        REQUIRE(storage->configure(name, [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
            set(configuration);
            return {};
        }));
    }
    [[nodiscard]] bool restricts(const std::string& name) const { return storage->bucket(name).value()->restricts_public(); }

    TemporaryFolder folder;
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'790'000'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<store::Blobs> blobs;
    std::unique_ptr<objects::Storage> storage;
};

}  // namespace

TEST_CASE_FIXTURE(AccountBlocksFixture, "what an account blocks, all of its buckets block, and no others") {
    make("before", owner);
    make("others", other);
    CHECK_FALSE(restricts("before"));
    CHECK_FALSE(storage->account_block(owner));
    const auto version = storage->version();
    REQUIRE(storage->set_account_block(owner, restricting));
    CHECK(storage->version() > version);
    make("after", owner);
    const auto is_blocked = [&] {
        CHECK(restricts("before"));
        CHECK(restricts("after"));
        CHECK(storage->bucket("after").value()->blocks_public_policy());
        CHECK_FALSE(restricts("others"));
        CHECK(storage->account_block(owner)->restrict_public_buckets);
        CHECK_FALSE(storage->account_block(owner)->block_public_acls);
        CHECK_FALSE(storage->account_block(other));
    };
    is_blocked();
    // What the bucket itself says is another thing.
    configure("before", [](objects::BucketConfiguration& configuration) { configuration.public_access_block.emplace(); });
    is_blocked();
    open();
    is_blocked();
    REQUIRE(storage->set_account_block(owner, std::nullopt));
    CHECK_FALSE(restricts("before"));
    open();
    CHECK_FALSE(restricts("after"));
    CHECK_FALSE(storage->account_block(owner));
}

TEST_CASE_FIXTURE(AccountBlocksFixture, "what was decided before an account's block is not done after it") {
    make("bucket", owner);
    const base::DecisionScope decision;
    REQUIRE(storage->bucket("bucket"));
    REQUIRE(storage->check_unchanged("bucket"));
    REQUIRE(storage->set_account_block(other, restricting));
    CHECK(storage->check_unchanged("bucket"));
    REQUIRE(storage->set_account_block(owner, restricting));
    const auto changed = storage->check_unchanged("bucket");
    REQUIRE_FALSE(changed);
    CHECK(changed.error().code == base::decision_outdated);
}

TEST_CASE_FIXTURE(AccountBlocksFixture, "CORS rules are stored as they were set") {
    make("bucket", owner);
    const objects::CorsRule rule{.id = "id",
                                 .origins = {"https://a.example", "*"},
                                 .methods = {"GET", "PUT"},
                                 .headers = {"x-*"},
                                 .exposed = {"ETag"},
                                 .max_age_seconds = 0};
    configure("bucket", [&](objects::BucketConfiguration& configuration) {
        configuration.cors = {rule, {.origins = {"*"}, .methods = {"HEAD"}}};
    });
    open();
    const auto rules = storage->bucket("bucket").value()->configuration.cors;
    REQUIRE(rules.size() == 2);
    CHECK(rules[0].id == "id");
    CHECK(rules[0].origins == rule.origins);
    CHECK(rules[0].methods == rule.methods);
    CHECK(rules[0].headers == rule.headers);
    CHECK(rules[0].exposed == rule.exposed);
    CHECK(rules[0].max_age_seconds == 0);
    CHECK(rules[1].id.empty());
    CHECK(rules[1].headers.empty());
    CHECK_FALSE(rules[1].max_age_seconds);
}
