#include "store/reserve.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <thread>

namespace {

uint64_t allocated(const std::string& path) {
    struct stat facts{};
    return ::stat(path.c_str(), &facts) == 0 ? static_cast<uint64_t>(facts.st_blocks) * 512 : 0;
}

}  // namespace

TEST_CASE("a reserve takes blocks, gives back the part that may be used, and takes it again") {
    using store::ReserveUse;
    std::string folder = (std::filesystem::temp_directory_path() / "trainwarden-reserve-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::string path = folder + "/reserved-space", other = path + "-for-administration";
    constexpr store::SpaceReserve::Sizes sizes{.administration = 2u << 20, .making_room = 1u << 20};
    {
        store::SpaceReserve reserve(path, sizes);
        CHECK(reserve.lets_on(ReserveUse::none));
        CHECK(allocated(path) >= 1u << 20);
        CHECK(allocated(other) >= 2u << 20);
        CHECK_FALSE(reserve.release(ReserveUse::none));
        CHECK(reserve.release(ReserveUse::administration));
        CHECK(allocated(other) == 0);
        CHECK(allocated(path) >= 1u << 20);
        CHECK_FALSE(reserve.release(ReserveUse::administration));  // the rest is for deletes
        CHECK(reserve.lets_on(ReserveUse::administration));
        CHECK_FALSE(reserve.lets_on(ReserveUse::none));  // not at once: what made room is to be used first
        CHECK(reserve.release(ReserveUse::making_room));
        CHECK(allocated(path) == 0);
        CHECK_FALSE(reserve.release(ReserveUse::making_room));
        CHECK_FALSE(reserve.lets_on(ReserveUse::administration));
        CHECK(reserve.lets_on(ReserveUse::making_room));
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!reserve.lets_on(ReserveUse::none) && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        CHECK(reserve.lets_on(ReserveUse::none));
        CHECK(allocated(path) >= 1u << 20);
        CHECK(allocated(other) >= 2u << 20);
        CHECK(reserve.release(ReserveUse::making_room));  // what is for administration first
        CHECK(allocated(other) == 0);
        CHECK(allocated(path) >= 1u << 20);
    }
    store::SpaceReserve again(path, sizes);  // what an earlier process took
    CHECK(again.lets_on(ReserveUse::none));
    std::filesystem::remove_all(folder);
}

TEST_CASE(
    "what is for administration is given back in steps: what was not needed is there after a restart on a disk that others "
    "fill") {
    using store::ReserveUse;
    std::string folder = (std::filesystem::temp_directory_path() / "trainwarden-reserve-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::string path = folder + "/reserved-space", other = path + "-for-administration";
    constexpr store::SpaceReserve::Sizes sizes{
        .administration = 3u << 20, .making_room = 1u << 20, .administration_step = 1u << 20};
    {
        store::SpaceReserve reserve(path, sizes);
        CHECK(reserve.release(ReserveUse::administration));
        CHECK(allocated(other) >= 2u << 20);
        CHECK(allocated(other) < 3u << 20);
        CHECK_FALSE(reserve.lets_on(ReserveUse::none));
        CHECK(reserve.lets_on(ReserveUse::administration));
        CHECK(reserve.release(ReserveUse::administration));
        CHECK(allocated(other) < 2u << 20);
        CHECK(reserve.release(ReserveUse::making_room));  // the last of it first
        CHECK(allocated(other) == 0);
        CHECK(allocated(path) >= 1u << 20);
        CHECK_FALSE(reserve.release(ReserveUse::administration));
        CHECK(reserve.release(ReserveUse::making_room));  // at once
        CHECK(allocated(path) == 0);
        CHECK_FALSE(reserve.release(ReserveUse::making_room));
    }
    std::filesystem::remove_all(folder);
}

TEST_CASE("who may use a reserve: this thread, as far as one that lives says") {
    using store::MayUseReserve;
    using store::ReserveUse;
    CHECK(MayUseReserve::here() == ReserveUse::none);
    {
        const MayUseReserve one(ReserveUse::administration);
        CHECK(MayUseReserve::here() == ReserveUse::administration);
        {
            const MayUseReserve inner;
            CHECK(MayUseReserve::here() == ReserveUse::making_room);
            const MayUseReserve less(ReserveUse::administration);
            CHECK(MayUseReserve::here() == ReserveUse::making_room);
        }
        CHECK(MayUseReserve::here() == ReserveUse::administration);
        auto elsewhere = ReserveUse::making_room;
        std::thread([&] { elsewhere = MayUseReserve::here(); }).join();
        CHECK(elsewhere == ReserveUse::none);
    }
    CHECK(MayUseReserve::here() == ReserveUse::none);
}

TEST_CASE("who stores more uses nothing, and then what it might before") {
    const store::MayUseReserve deletes;
    REQUIRE(store::MayUseReserve::here() == store::ReserveUse::making_room);
    {
        const store::MayNotUseReserve marks;
        CHECK(store::MayUseReserve::here() == store::ReserveUse::none);
    }
    CHECK(store::MayUseReserve::here() == store::ReserveUse::making_room);
}
