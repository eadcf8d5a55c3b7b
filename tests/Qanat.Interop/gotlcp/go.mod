module qanat-interop/gotlcp

go 1.25.0

require (
	gitee.com/Trisia/gotlcp v1.5.0
	github.com/emmansun/gmsm v0.44.0
)
