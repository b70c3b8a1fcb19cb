module k8sleader.test/bindings/go-cgo

go 1.21
