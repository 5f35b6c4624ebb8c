// limit-loops{max-instructions=4}
plena.kernel @nest {
  %zero = plena.get_register : !plena.gp<gp0>
  plena.loop 2 (%i : !plena.gp) {
    plena.loop 2 (%j : !plena.gp) {
      plena.v_exp_v %i, %j, 0 : (!plena.gp, !plena.gp) -> ()
      plena.yield %j : !plena.gp
    }
    plena.yield %i : !plena.gp
  }
}
