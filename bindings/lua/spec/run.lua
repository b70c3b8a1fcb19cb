--- busted, by the interpreter that runs this.
require "busted.runner" { standalone = false }
