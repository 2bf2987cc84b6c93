//go:build !natsdemo

package main

import "github.com/spf13/cobra"

// demos are the verbs that are only there with the build tag natsdemo.
func demos(world) []*cobra.Command { return nil }
