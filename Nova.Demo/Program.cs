using Nova.Demo;
using Nova.ServiceDefaults;

return NovaService.Run(args, builder => builder.AddDemo(), app => app.MapHealth());
