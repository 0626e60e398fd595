#include "sandbox/image.hpp"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "sandbox/layer.hpp"
#include "text/json.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;
using text::Json;

constexpr size_t document_bytes_max = 16 << 20;
constexpr int nesting_max = 4;  // an index of indexes

std::unexpected<base::Error> invalid(const std::string& what) { return base::fail(base::code::InvalidImage, what); }

base::Result<std::string> read_document(const std::string& path) {
    std::error_code error;
    auto size = fs::file_size(path, error);
    if (error || size > document_bytes_max) return invalid("cannot read " + path);
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

base::Result<Json> read_json(const std::string& path) {
    auto parsed = text::parse_json(TRY(read_document(path)));
    if (!parsed) return invalid(path + ": " + parsed.error().message);
    return std::move(*parsed);
}

// blobs/sha256/HEX of an OCI layout, checked against its name.
base::Result<std::string> blob(const std::string& layout, const std::string& digest) {
    std::string_view hex = digest;
    if (!hex.starts_with("sha256:")) return invalid("the digest " + digest + " is not a sha256 one");
    hex.remove_prefix(7);
    if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos)
        return invalid("`" + digest + "` is not a digest");
    std::string path = layout + "/blobs/sha256/" + std::string(hex);
    std::ifstream file(path, std::ios::binary);
    if (!file) return invalid("the image lacks " + path);
    crypto::Digest sum(crypto::DigestKind::sha256);
    std::string buffer(1 << 18, '\0');
    while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || file.gcount() > 0)
        sum.update({buffer.data(), static_cast<size_t>(file.gcount())});
    if (crypto::hex(sum.finish()) != hex) return invalid(path + " is not what its name says");
    return path;
}

// This machine's architecture, as OCI says it.
std::string architecture() {
    utsname names{};
    ::uname(&names);
    std::string machine = names.machine;
    return machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
}

// What is unpacked: layers from the bottom, and the configuration.
struct Recipe {
    std::vector<std::string> layers;
    Json config;
};

// The manifest that an index means: the one with this tag, else the one for this machine, else the only one.
base::Result<std::string> choose_manifest(const Json& index, const std::string& tag) {
    const auto& all = index["manifests"].items();
    for (const auto& one : all) {
        if (!tag.empty() && one["annotations"]["org.opencontainers.image.ref.name"].as_string() == tag)
            return one["digest"].as_string();
    }
    for (const auto& one : all) {
        if (one["platform"]["architecture"].as_string() == architecture() && one["platform"]["os"].as_string() == "linux")
            return one["digest"].as_string();
    }
    if (all.size() != 1)
        return invalid("the image has " + std::to_string(all.size()) + " manifests and none for " + architecture());
    return all.front()["digest"].as_string();
}

base::Result<Recipe> read_layout(const std::string& layout, const std::string& tag) {
    Json document = TRY(read_json(layout + "/index.json"));
    for (int depth = 0; document["layers"].is_null(); ++depth) {
        if (depth == nesting_max) return invalid("the image's indexes are nested too deep");
        std::string digest = TRY(choose_manifest(document, tag));
        std::string path = TRY(blob(layout, digest));
        document = TRY(read_json(path));
    }
    Recipe recipe;
    for (const auto& layer : document["layers"].items()) recipe.layers.push_back(TRY(blob(layout, layer["digest"].as_string())));
    std::string config = TRY(blob(layout, document["config"]["digest"].as_string()));
    recipe.config = TRY(read_json(config));
    return recipe;
}

// manifest.json of `docker save` before it wrote OCI layouts.
base::Result<Recipe> read_saved(const std::string& folder) {
    Json manifest = TRY(read_json(folder + "/manifest.json"));
    if (manifest.size() != 1) return invalid("the archive has more than one image");
    const Json& image = manifest.items().front();
    auto path_of = [&](const Json& name) -> base::Result<std::string> {
        for (auto part : base::split(name.as_string(), '/')) {
            if (part.empty() || part == "..") return invalid("`" + name.as_string() + "` is not a file of the image");
        }
        return folder + "/" + name.as_string();
    };
    Recipe recipe;
    for (const auto& layer : image["Layers"].items()) recipe.layers.push_back(TRY(path_of(layer)));
    std::string config = TRY(path_of(image["Config"]));
    recipe.config = TRY(read_json(config));
    return recipe;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool is_root_file_system(const std::string& path) { return fs::is_directory(path + "/usr") || fs::is_directory(path + "/bin"); }

std::vector<std::string> words_of(const Json& list) {
    std::vector<std::string> words;
    for (const auto& word : list.items()) words.push_back(word.as_string());
    return words;
}

Image image_of(const std::string& root, const Json& document) {
    Image image;
    image.root = root;
    const Json& config = document["config"];
    image.entry_point = words_of(config["Entrypoint"]);
    image.directory = config["WorkingDir"].as_string();
    for (const auto& variable : words_of(config["Env"])) {
        auto equals = variable.find('=');
        if (equals != std::string::npos) image.environment.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
    }
    return image;
}

// Unpacks into a folder beside it first: an image is there whole or not at all.
base::Result<Image> unpack_once(const std::string& cache, const std::string& key,
                                const std::function<base::Result<Json>(const std::string& part, const std::string& root)>& fill) {
    std::string place = cache + "/" + key, part = place + ".part";
    if (!exists(place)) {
        std::error_code error;
        fs::remove_all(part, error);
        fs::create_directories(part + "/root", error);
        if (error) return base::fail(base::code::InternalError, "cannot make the folder " + part + ": " + error.message());
        auto config = fill(part, part + "/root");
        if (config) {
            open_to_all(part + "/root");
            std::ofstream(part + "/config.json") << config->dump();
            fs::rename(part, place, error);
        }
        if (!config || error) {
            std::error_code ignored;
            fs::remove_all(part, ignored);
            if (!config) return base::fail(std::move(config).error());
            return base::fail(base::code::InternalError, "cannot keep the image at " + place + ": " + error.message());
        }
    }
    return image_of(place + "/root", TRY(read_json(place + "/config.json")));
}

base::Result<Json> unpack_recipe(const Recipe& recipe, const std::string& root) {
    for (const auto& layer : recipe.layers) TRY(apply_layer(layer, root));
    if (!is_root_file_system(root)) return invalid("the image has neither /usr nor /bin");
    return recipe.config;
}

// The archive holds a layout, a saved image, or the root file system itself.
base::Result<Json> unpack_archive(const std::string& archive, const std::string& tag, const std::string& part,
                                  const std::string& root) {
    TRY(apply_layer(archive, root));
    bool layout = exists(root + "/oci-layout") && exists(root + "/index.json");
    if (!layout && !exists(root + "/manifest.json")) {
        if (!is_root_file_system(root)) return invalid(archive + " is neither an image nor a root file system");
        return Json::object();
    }
    std::string packed = part + "/packed";
    std::error_code error;
    fs::rename(root, packed, error);
    fs::create_directories(root, error);
    auto recipe = TRY(layout ? read_layout(packed, tag) : read_saved(packed));
    auto config = unpack_recipe(recipe, root);
    fs::remove_all(packed, error);
    return config;
}

std::string tag_of(const std::string& name) {
    auto colon = name.rfind(':');
    return colon == std::string::npos || name.find('/', colon) != std::string::npos ? "" : name.substr(colon + 1);
}

}  // namespace

bool is_host_image(std::string_view name) { return name == host_image || name.starts_with(std::string(host_image) + ":"); }

base::Result<std::string> Images::path_of(const std::string& name) const {
    for (auto part : base::split(name, '/')) {
        bool odd = part.empty() || part.front() == '.' || !std::all_of(part.begin(), part.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              std::string_view("._-:@+").find(c) != std::string_view::npos;
                   });
        if (odd) return base::fail(base::code::ImageNotFound, "`" + name + "` is not an image name");
    }
    for (const char* ending : {"", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst"}) {
        std::string path = folder_ + "/" + name + ending;
        if (exists(path) && (*ending == '\0') == fs::is_directory(path)) return path;
    }
    return base::fail(base::code::ImageNotFound, "The training image " + name + " is not available on this server: there is no " +
                                                     name + " or " + name +
                                                     ".tar in its images folder. host/python3 is this machine's own /usr.");
}

base::Result<void> Images::check(const std::string& name) const {
    if (is_host_image(name)) return {};
    TRY(path_of(name));
    return {};
}

base::Result<Image> Images::find(const std::string& name) {
    if (is_host_image(name)) return Image{};
    std::string path = TRY(path_of(name)), tag = tag_of(name);
    base::Lock lock(mutex_);
    if (fs::is_directory(path)) {
        if (!exists(path + "/oci-layout")) {
            if (!is_root_file_system(path)) return invalid(path + " is neither an OCI layout nor a root file system");
            Image image;
            image.root = path;
            return image;
        }
        std::string index = TRY(read_document(path + "/index.json"));
        std::string key = crypto::hex(crypto::sha256(tag + "\n" + index));
        return unpack_once(cache_, key, [&](const std::string&, const std::string& root) -> base::Result<Json> {
            auto recipe = TRY(read_layout(path, tag));
            return unpack_recipe(recipe, root);
        });
    }
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return base::fail(base::code::ImageNotFound, "cannot read " + path);
    std::string version = path + "\n" + std::to_string(info.st_size) + "\n" + std::to_string(info.st_mtim.tv_sec) + "." +
                          std::to_string(info.st_mtim.tv_nsec);
    return unpack_once(cache_, crypto::hex(crypto::sha256(version)),
                       [&](const std::string& part, const std::string& root) { return unpack_archive(path, tag, part, root); });
}

}  // namespace sandbox
