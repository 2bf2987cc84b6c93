package conf

import _ "embed"

// ContextXSD describes Context files for editors and foreign checkers (XML
// Schema 1.0).
//
//go:embed context.xsd
var ContextXSD string

// ServicesXSD describes MetaServiceConf files. It includes context.xsd by that
// name.
//
//go:embed services.xsd
var ServicesXSD string
