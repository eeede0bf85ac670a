package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/maps"
	"github.com/knadh/koanf/v2"
	"gopkg.in/yaml.v3"
)

// Source is where a configuration comes from; each part overrides those before
// it.
type Source struct {
	File  string            // YAML; none if empty
	Env   []string          // as os.Environ returns it
	Flags map[string]string // values by Key.Path
}

// foreignEnv are variables that begin like settings and belong to commands.
var foreignEnv = []string{"CAIRN_ADMIN_TOKEN"}

// Load reads a configuration, completes and checks it. All problems are reported
// together.
func Load(src Source) (*Config, error) {
	k := koanf.New(".")
	var errs []error
	if src.File != "" {
		values, err := readYAML(src.File)
		if err != nil {
			return nil, err
		}
		errs = append(errs, k.Load(layer(values), nil))
	}
	env, err := readEnv(src.Env)
	errs = append(errs, err, k.Load(layer(nested(env)), nil), k.Load(layer(nested(src.Flags)), nil))
	cfg := Default()
	errs = append(errs, decode(k, &cfg, src.File))
	cfg.Complete()
	errs = append(errs, cfg.Validate())
	return &cfg, errors.Join(errs...)
}

// layer is values as koanf takes them.
type layer map[string]any

// Read implements koanf.Provider.
func (l layer) Read() (map[string]any, error) { return l, nil }

// ReadBytes implements koanf.Provider; there are no bytes.
func (l layer) ReadBytes() ([]byte, error) {
	return nil, errors.New("config: a layer has values, not bytes")
}

// maxFile bounds a configuration file.
const maxFile = 1 << 20

func readYAML(path string) (map[string]any, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if st.Size() > maxFile {
		return nil, fmt.Errorf("configuration %s has %d bytes; is it the right file?", path, st.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(b, &values); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	return values, nil
}

// readEnv picks the settings out of the environment.
func readEnv(env []string) (map[string]string, error) {
	byEnv := map[string]string{}
	var names []string
	for _, k := range Keys() {
		byEnv[k.Env] = k.Path
		names = append(names, k.Env)
	}
	out := map[string]string{}
	var errs []error
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "CAIRN_") || slices.Contains(foreignEnv, name) {
			continue
		}
		if path, ok := byEnv[name]; ok {
			out[path] = value
		} else {
			errs = append(errs, unknown("environment", name, names))
		}
	}
	return out, errors.Join(errs...)
}

// nested turns dotted names into sections.
func nested(flat map[string]string) map[string]any {
	values := map[string]any{}
	for k, v := range flat {
		values[k] = v
	}
	return maps.Unflatten(values, ".")
}

// decode lays the values over the defaults and refuses names that it does not
// know.
func decode(k *koanf.Koanf, cfg *Config, file string) error {
	var meta mapstructure.Metadata
	err := k.UnmarshalWithConf("", cfg, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Metadata: &meta, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(","),
		),
	}})
	errs := []error{err}
	slices.Sort(meta.Unused)
	for _, name := range meta.Unused {
		errs = append(errs, unknown("configuration "+file, name, paths()))
	}
	return errors.Join(errs...)
}
