# What a developer types. Thin on purpose: every target is one script or one CMake preset.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help demo test test-long bench lint format clean

help:            ## list these targets
	@sed -nE 's/^([a-z-]+): *[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

demo:            ## annotated pod in, CUDA result out: webhook, pod and GPU server on this machine
	@.ci/setup
	@tests/build dev demo_programs
	@tests/end_to_end/demo.sh build/dev

test:            ## all tests but the long ones, plus the sanitizer subsets
	@.ci/setup helm
	@tests/run

test-long:       ## everything, the long tests and a minute of each fuzz target included
	@.ci/setup helm fuzz
	@tests/run --long

bench:           ## every benchmark beside its raw baseline
	@.ci/setup
	@tests/build dev all
	@tests/bench/run build/dev

lint:            ## clang-format and clang-tidy over the project's sources, shellcheck over its scripts
	@.ci/setup lint
	@tests/build dev all
	@tests/lint build/dev

format:          ## rewrite the sources as .clang-format says
	@.ci/setup lint
	@git ls-files '*.cpp' '*.hpp' '*.h' '*.cu' | xargs -r clang-format -i

clean:           ## remove everything that was built
	@rm -rf build
