using Nova.StreamState;
using Nova.ServiceDefaults;

return NovaService.Run(args, builder => builder.AddStreamState(), app => app.MapStreamState());
