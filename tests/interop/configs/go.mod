module egext.dev/configs

go 1.26.6

require (
	egext.dev/binary v0.0.0
	go.yaml.in/yaml/v3 v3.0.6
)

replace egext.dev/binary => ../binary
