// Package top looks at the product as its operators do: at the terminal screen of
// `conf_command top`, in a pseudo-terminal of 80 by 24, and at the page that
// `service_context --http` serves, with promtool(1).
package top
