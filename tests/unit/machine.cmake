# The machines: tables of short scripts (script.h says how to read them), and virtual worlds.
foreach(theme acquire renew conflict deleted coordinated stop herd errors property fleet)
  k8sleader_test(test_lease_${theme} LABEL unit TIMEOUT 300
    SOURCES test_lease_${theme}.c lease_script.c script.c LIBRARIES k8sleader_objects)
endforeach()
foreach(theme acquire wait deleted owner ended stop errors herd property fleet)
  k8sleader_test(test_life_${theme} LABEL unit TIMEOUT 300
    SOURCES test_life_${theme}.c life_script.c script.c LIBRARIES k8sleader_objects)
endforeach()

# How a herd of standbys spreads.
unit_test(test_spread)

# Which request goes out first when many are due.
unit_test(test_due)
# How often candidates try a server that can't be reached.
unit_test(test_pace)
