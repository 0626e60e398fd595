// A folder of its own for a test, removed with all that is in it; and what lies in a folder.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>

struct TemporaryFolder {
    const std::string path = made();

    TemporaryFolder() = default;
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() { std::filesystem::remove_all(path); }

    // Each name and a space.
    [[nodiscard]] std::string names() const {
        std::string found;
        for (const auto& entry : std::filesystem::directory_iterator(path)) found += entry.path().filename().string() + " ";
        return found;
    }

private:
    static std::string made() {
        std::string name = (std::filesystem::temp_directory_path() / "trainwarden-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        return name;
    }
};

// The permission bits of a file.
inline unsigned mode_of(const std::string& path) {
    struct stat facts{};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 0777U;
}
