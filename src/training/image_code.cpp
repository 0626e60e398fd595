#include "training/image_code.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "sandbox/volume.hpp"
#include "training/limits.hpp"
#include "training/openat_beneath.hpp"

namespace training {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_mounted_over(const Plan& plan, const std::string& path) {
    const std::string first = path.substr(0, path.find('/'));
    return first == "input" || first == "model" || first == "output" || first == "checkpoints" ||
           (first == "code" && plan.submit_directory.has_value());
}

}  // namespace

base::Result<void> copy_image_code(const Plan& plan, const WorkerPlace& place, const std::function<bool()>& cancelled) {
    if (place.image_root.empty()) return {};
    const Listing listing = files_beneath(place.image_root, "opt/ml");
    uint64_t bytes = 0;
    size_t count = 0;
    for (const auto& file : listing.files) {
        if (is_mounted_over(plan, file.path)) continue;
        bytes += file.size;
        if (++count > source_entries_max || bytes > source_unpacked_bytes_max) {
            return base::fail(base::code::ClientError, "The image " + plan.image + " has more in /opt/ml than " +
                                                           std::to_string(source_unpacked_bytes_max >> 30) + " GiB or " +
                                                           std::to_string(source_entries_max) + " files");
        }
        const std::string to = place.folder + "/ml/" + file.path;
        std::error_code error;
        fs::create_directories(fs::path(to).parent_path(), error);
        if (!error && file.is_folder) fs::create_directories(to, error);
        if (!error && file.is_link) fs::create_symlink(file.link, to, error);
        if (error) return base::fail(base::code::InternalError, "cannot make " + to + ": " + error.message());
        if (file.is_folder || file.is_link) continue;
        auto copied = copy_beneath(place.image_root, "opt/ml/" + file.path, to, cancelled);
        if (!copied && copied.error().code == sandbox::disk_full) {
            return base::fail(base::code::ClientError,
                              "Data download failed:Insufficient disk space for what the image has in "
                              "/opt/ml. Please use a larger volume (VolumeSizeInGB).");
        }
        TRY(copied);
        if (::chmod(to.c_str(), file.is_executable ? 0755 : 0644) != 0)
            return base::fail(base::code::InternalError, "cannot make " + to + ": " + std::strerror(errno));
    }
    return {};
}

std::string python_of(const std::string& image_root, const Environment& image_environment) {
    std::string_view path = default_path;
    for (const auto& [name, value] : image_environment) {
        if (name == "PATH") path = value;
    }
    for (const char* name : {"python3", "python"}) {
        for (auto folder : base::split(path, ':')) {
            // A link may lead anywhere inside the image, so that it need not lead anywhere here.
            const fs::path program = fs::path(image_root) / fs::path(folder).relative_path() / name;
            std::error_code error;
            if (fs::exists(fs::symlink_status(program, error))) return std::string(folder) + "/" + name;
        }
    }
    return "/usr/bin/python3";
}

}  // namespace training
