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

TEST_CASE("a reserve takes blocks, gives them back, and takes them again when it may") {
    std::string folder = (std::filesystem::temp_directory_path() / "trainwarden-reserve-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::string path = folder + "/reserved-space";
    {
        store::SpaceReserve reserve(path, 1u << 20);
        CHECK(reserve.whole());
        CHECK(allocated(path) >= 1u << 20);
        reserve.release();
        CHECK(allocated(path) == 0);
        CHECK_FALSE(reserve.whole());  // not at once: what made room is to be used first
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!reserve.whole() && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        CHECK(reserve.whole());
        CHECK(allocated(path) >= 1u << 20);
    }
    store::SpaceReserve again(path, 1u << 20);  // what an earlier process took
    CHECK(again.whole());
    std::filesystem::remove_all(folder);
}

TEST_CASE("who may use a reserve: this thread, as long as one of them lives") {
    CHECK_FALSE(store::MayUseReserve::here());
    {
        const store::MayUseReserve one;
        CHECK(store::MayUseReserve::here());
        {
            const store::MayUseReserve inner;
        }
        CHECK(store::MayUseReserve::here());
        bool elsewhere = true;
        std::thread([&] { elsewhere = store::MayUseReserve::here(); }).join();
        CHECK_FALSE(elsewhere);
    }
    CHECK_FALSE(store::MayUseReserve::here());
}
